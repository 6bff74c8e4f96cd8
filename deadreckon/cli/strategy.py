"""`dr strategy`: list, start, change and stop strategies."""

from typing import Any

import msgspec
from cyclopts import App

from deadreckon.cli.operator_facts import Amount, build, in_force, print_rows, publish
from deadreckon.cli.options import CommandOptions, LogOptions

strategy = App(
    name="strategy", help="List, start and stop strategies. Example: dr strategy list --data run1"
)


@strategy.command(name="list")
def list_(*, options: LogOptions = LogOptions()) -> None:
    """Print every strategy with its parameters.

    Example: dr strategy list --data run1
    """
    print_rows(in_force(options.data, options.nats).strategies.values(), options)


@strategy.command(name="set")
def set_(
    name: str,
    *parameters: str,
    kind: str | None = None,
    instrument: str | None = None,
    notional: Amount | None = None,
    enabled: bool | None = None,
    options: CommandOptions,
) -> None:
    """Start, change or stop a strategy; what is not named stays as it is.

    Example: dr strategy set cross fast=9 slow=21 --kind moving_average_cross
    --instrument BTCUSDT.PAPER --notional 1000 --actor ann --reason "try it"

    Parameters
    ----------
    name
        The strategy's name in signals, orders and PnL.
    parameters
        NAME=VALUE pairs of its kind; docs/strategies.md lists them.
    kind
        moving_average_cross or hmm_regime.
    notional
        Size of one entry in quote currency.
    """
    from deadreckon.contracts.governance import StrategyConfigured

    before = in_force(options.data, options.nats).strategies.get(name)
    fields: dict[str, Any] = msgspec.to_builtins(before) if before else {"parameters": {}}
    given = {"kind": kind, "instrument": instrument, "notional": notional, "enabled": enabled}
    fields |= {key: value for key, value in given.items() if value is not None}
    fields["parameters"] |= dict(text.partition("=")[::2] for text in parameters)
    fields = {"strategy": name, "enabled": True} | fields | options.signature
    publish(build(StrategyConfigured, fields), options)
