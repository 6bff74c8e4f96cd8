"""`dr halt`: stop trading now."""

from typing import Literal

from deadreckon.cli.operator_facts import Wait, publish_and_wait
from deadreckon.cli.options import UrgentOptions


def halt(
    *,
    scope: Literal["close_only", "all"] = "all",
    wait: Wait = 10.0,
    options: UrgentOptions = UrgentOptions(),
) -> None:
    """Stop trading now; returns when risk and fill have acknowledged it in the log.

    Exits 1 and names the services that did not answer in time; the halt is in the log all the same.

    Example: dr halt --reason "feed looks wrong" --data run1

    Parameters
    ----------
    scope
        "all" stops all but protection and flatten; "close_only" lets exits through.
    """
    from deadreckon.contracts.governance import HaltRequested

    event = HaltRequested(options.actor, options.reason, scope)
    publish_and_wait("halt", event, options, wait)
