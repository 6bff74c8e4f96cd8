"""`dr strategy`: list, start, change and stop strategies, and show those that can run."""

from typing import TYPE_CHECKING, Any

import msgspec
from cyclopts import App

from deadreckon.cli.app import EXIT_USAGE, fail
from deadreckon.cli.operator_facts import Amount, build, in_force, print_rows, publish
from deadreckon.cli.options import CommandOptions, LogOptions

if TYPE_CHECKING:
    from deadreckon.contracts.governance import StrategyConfigured
    from deadreckon.strategies.description import ParameterDescription

strategy = App(
    name="strategy", help="List, start and stop strategies. Example: dr strategy list --data run1"
)


@strategy.command(name="list")
def list_(*, options: LogOptions = LogOptions()) -> None:
    """Print every strategy with its parameters.

    Example: dr strategy list --data run1
    """
    print_rows(in_force(options.data, options.nats).strategies.values(), options)


@strategy.command(name="kinds")
def kinds(*files: str, options: LogOptions = LogOptions()) -> None:
    """Print every strategy that can run here, with its code and its parameters.

    Built-in ones, installed ones, and files that the data folder lists or `DR_STRATEGIES` names.

    Example: dr strategy kinds path/to/my.py

    Parameters
    ----------
    files
        Show these files instead: path/to/my.py or path/to/my.py:Class.
    """
    from deadreckon.strategies.description import describe
    from deadreckon.strategies.loading import StrategyLoadError, available, load_file, use_folder

    use_folder(options.data)
    try:
        found = list(map(load_file, files)) if files else list(available())
    except StrategyLoadError as error:
        fail(str(error), EXIT_USAGE)
    if options.json:
        print_rows(map(describe, found), options)
        return
    for each in map(describe, found):
        print(f"{each.kind} {each.version}, code {each.code[:16]}, {each.implementation}")
        _print_parameters(each.parameters)


def _print_parameters(parameters: "list[ParameterDescription]") -> None:
    from rich.text import Text

    from deadreckon.cli.terminal.tables import Column, console, fitting_table

    names = ("name", "default", "unit", "bounds", "meaning")
    rows = [
        [Text(text) for text in (it.name, it.default or "-", it.unit, it.bounds, it.meaning)]
        for it in parameters
    ]
    out = console()
    out.print(fitting_table(out, [Column(name, rank) for rank, name in enumerate(names)], rows))
    out.print()


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

    The log records which code the strategy runs. After that code has changed, set the strategy
    again to go on with the new code.

    Example: dr strategy set cross fast=9 slow=21 --kind moving_average_cross
    --instrument BTCUSDT.PAPER --notional 1000 --actor ann --reason "try it"

    Parameters
    ----------
    name
        The strategy's name in signals, orders and PnL.
    parameters
        NAME=VALUE pairs of its kind; docs/strategies.md lists them.
    kind
        What it runs: a name that `dr strategy kinds` prints, or a file, path/to/my.py or
        path/to/my.py:Class.
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
    configured = build(StrategyConfigured, fields)
    assert isinstance(configured, StrategyConfigured)
    publish(_with_code(configured, options, is_new=kind is not None or before is None), options)


def _with_code(
    configured: "StrategyConfigured", options: CommandOptions, *, is_new: bool
) -> "StrategyConfigured":
    """Return the configuration with the code of its kind as it is here. A strategy whose code is
    missing can still be changed and stopped: it keeps the code it was configured with."""
    from deadreckon.strategies.loading import StrategyLoadError, remember_files, stamped, use_folder

    use_folder(options.data)
    try:
        if options.nats is None:
            remember_files(options.data, [configured.kind])
        return stamped(configured)
    except StrategyLoadError as error:
        if is_new:
            fail(str(error), EXIT_USAGE)
        return configured
