"""`dr limits`: show or set the risk limits in force."""

from typing import TYPE_CHECKING

import msgspec
from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.operator_facts import assigned, build, in_force, print_block, publish
from deadreckon.cli.options import CommandOptions, LogOptions

if TYPE_CHECKING:
    from deadreckon.node.limits_history import LimitChange

# Fields of `ProducerQuotaSet`, which is an event of its own.
QUOTAS = ("producer_signals_per_second", "producer_bytes_per_second")

limits = App(
    name="limits", help="Show or set the limits in force. Example: dr limits show --data run1"
)


@limits.command(name="show")
def show(*, options: LogOptions = LogOptions()) -> None:
    """Print every limit in force and the event that set it.

    Example: dr limits show --data run1
    """
    set_ = in_force(options.data, options.nats)
    found, quota = set_.limits, set_.quota
    if found is None:
        fail("no limits have been set: nothing trades. `dr limits set` sets them", EXIT_DIFFERENCE)
    if options.json:
        document = {"set_by": found[0]} | msgspec.to_builtins(found[1])
        quotas = {name: getattr(quota[1], name) if quota else None for name in QUOTAS}
        by = {"quota_set_by": quota[0] if quota else None}
        print_document(document | quotas | by, set_.sequence)
        return
    print_block(found[1], set_by=found[0])
    if quota is not None:
        print_block(quota[1], set_by=quota[0])


@limits.command(name="history")
def history(name: str | None = None, /, *, options: LogOptions = LogOptions()) -> None:
    """Print who changed which limit, when, from what to what, and why; the earliest first.

    Example: dr limits history drawdown_max --data run1

    Parameters
    ----------
    name
        Of this limit alone.
    """
    from deadreckon.cli.running import run
    from deadreckon.formatting.nearest import nearest_name
    from deadreckon.node.limits_history import NAMES, limits_history

    name = name and name.removeprefix("risk.")
    if name is not None and name not in NAMES:
        fail(f"no limit is called {name}; {nearest_name(name, NAMES)}", EXIT_USAGE)
    found = run(lambda: limits_history(options.data, options.nats, name))
    if options.json:
        print_document(found)
    elif found:
        _print_history(found)
    else:
        print("nobody has changed it" if name else "nobody has set limits")


def _print_history(changes: "list[LimitChange]") -> None:
    from rich.text import Text

    from deadreckon.cli.terminal.tables import Column, console, fitting_table
    from deadreckon.formatting.field_text import format_value
    from deadreckon.formatting.text import cell_text
    from deadreckon.formatting.times import rounded_moment
    from deadreckon.node.limits_history import NAMES

    names = ("time", "limit", "from", "to", "actor", "reason", "sequence")
    ranks = (0, 0, 0, 0, 1, 2, 3)
    rows = [
        [
            Text(cell_text(text))
            for text in (
                rounded_moment(it.at) if it.at else "",
                it.name,
                format_value(NAMES[it.name], it.name, it.before),
                format_value(NAMES[it.name], it.name, it.after),
                it.actor,
                it.reason,
                f"{it.sequence}",
            )
        ]
        for it in changes
    ]
    out = console()
    columns = [Column(name, rank) for name, rank in zip(names, ranks, strict=True)]
    out.print(fitting_table(out, columns, rows))


@limits.command(name="set")
def set_(*assignments: str, options: CommandOptions) -> None:
    """Change limits; what is not named stays as it is. "off" removes a limit.

    Example: dr limits set order_notional_max=5000 drawdown_max=10% price_age_max=2h
    --reason "smaller"

    Parameters
    ----------
    assignments
        NAME=VALUE pairs, such as price_age_max=2h, drawdown_max=10% or
        markets_allowed=spot,perpetual; docs/risk.md lists the names with their units, and
        docs/producers.md the quota of producers (producer_signals_per_second=5000).
    """
    from deadreckon.contracts.limits import LimitsSet, ProducerQuotaSet

    if not assignments:
        fail("give NAME=VALUE, such as drawdown_max=10%", EXIT_USAGE)
    named = assigned(assignments, LimitsSet, ProducerQuotaSet, prefix="risk.")
    set_ = in_force(options.data, options.nats)
    quotas = {name: named.pop(name) for name in QUOTAS if name in named}
    if quotas:
        earlier = {name: getattr(set_.quota[1], name) for name in QUOTAS} if set_.quota else {}
        publish(build(ProducerQuotaSet, earlier | quotas | options.signature), options)
        if not named:
            return
    found = set_.limits
    before = msgspec.to_builtins(found[1]) if found else {}
    publish(build(LimitsSet, before | named | options.signature), options)
