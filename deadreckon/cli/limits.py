"""`dr limits`: show or set the risk limits in force."""

import json

import msgspec
from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, fail
from deadreckon.cli.operator_facts import assigned, build, in_force, print_block, publish
from deadreckon.cli.options import CommandOptions, LogOptions

limits = App(
    name="limits", help="Show or set the limits in force. Example: dr limits show --data run1"
)


@limits.command(name="show")
def show(*, options: LogOptions = LogOptions()) -> None:
    """Print every limit in force and the event that set it.

    Example: dr limits show --data run1
    """
    found = in_force(options.data, options.nats).limits
    if found is None:
        fail("no limits have been set: nothing trades. `dr limits set` sets them", EXIT_DIFFERENCE)
    if options.json:
        print(json.dumps({"set_by": found[0]} | msgspec.to_builtins(found[1])))
    else:
        print_block(found[1], set_by=found[0])


@limits.command(name="set")
def set_(*assignments: str, options: CommandOptions) -> None:
    """Change limits; what is not named stays as it is. "off" removes a limit.

    Example: dr limits set order_notional_max=5000 drawdown_max=10% price_age_max=2h
    --reason "smaller"

    Parameters
    ----------
    assignments
        NAME=VALUE pairs, such as price_age_max=2h, drawdown_max=10% or
        markets_allowed=spot,perpetual; docs/risk.md lists the names with their units.
    """
    from deadreckon.contracts.limits import LimitsSet

    named = assigned(assignments, LimitsSet, "risk.")
    found = in_force(options.data, options.nats).limits
    before = msgspec.to_builtins(found[1]) if found else {}
    publish(build(LimitsSet, before | named | options.signature), options)
