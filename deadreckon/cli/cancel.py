"""`dr cancel`: cancel open orders."""

from typing import Annotated

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.operator_facts import publish_command
from deadreckon.cli.options import UrgentOptions


def cancel(
    order: str | None = None,
    /,
    *,
    all_orders: Annotated[bool, Parameter(name="--all", negative="")] = False,
    options: UrgentOptions = UrgentOptions(),
) -> None:
    """Cancel one open order by its id, or every one with --all.

    Protective orders are cancelled too, which leaves their positions unprotected. `dr flatten`
    closes positions.

    Example: dr cancel --all --actor ann --reason "maintenance" --data run1

    Parameters
    ----------
    order
        The order's id, as `dr orders` shows it.
    all_orders
        Every open order.
    """
    from deadreckon.contracts.governance import CancelRequested

    if (order is None) != all_orders:
        fail("name one order, or --all", EXIT_USAGE)
    event = CancelRequested(options.actor, options.reason, order)
    publish_command("cancel", event, options, "fill")
