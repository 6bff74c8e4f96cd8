"""`dr strategy`: list, start, change and stop strategies, and show those that can run."""

from typing import TYPE_CHECKING, Any

import msgspec
from cyclopts import App

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, UNANSWERED, VerbEnd, fail
from deadreckon.cli.operator_facts import (
    Amount,
    Wait,
    build,
    check,
    in_force,
    print_result,
    print_rows,
)
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
    wait: Wait = 10.0,
    options: CommandOptions,
) -> None:
    """Start, change or stop a strategy; what is not named stays as it is.

    The log records which code the strategy runs. After that code has changed, set the strategy
    again to go on with the new code. Parameters that its code cannot take are refused and not
    recorded. On a running stack it returns when signal has answered; exits 1 when signal refuses
    the configuration, or does not answer in time.

    Example: dr strategy set cross fast=9 slow=21 --kind moving_average_cross
    --instrument BTCUSDT.PAPER --notional 1000 --actor ann --reason "try it"

    Parameters
    ----------
    name
        The strategy's name in signals, orders and PnL.
    parameters
        NAME=VALUE pairs of its kind, such as fast=9 or confidence_min=25%; docs/strategies.md
        lists them.
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
    check(configured)
    configured = _with_code(configured, options, is_new=kind is not None or before is None)
    configured = _in_units(configured)
    _check_parameters(configured, options)
    _publish(configured, wait, options)


def _in_units(configured: "StrategyConfigured") -> "StrategyConfigured":
    """Return the configuration with durations and percentages in the units of its parameters."""
    from deadreckon.formatting.field_text import parse_amount
    from deadreckon.strategies.description import parameter_units

    units = parameter_units(configured)
    try:
        given = {
            name: parse_amount(text, units.get(name))
            for name, text in configured.parameters.items()
        }
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    return msgspec.structs.replace(configured, parameters=given)


def _check_parameters(configured: "StrategyConfigured", options: CommandOptions) -> None:
    """End with exit code 1 when signal would refuse the parameters: the strategy that runs goes on
    as it is. What stops it is recorded all the same."""
    from deadreckon.strategies.description import parameter_fault

    fault = parameter_fault(configured) if configured.enabled else None
    if fault is not None:
        document = {"sequence": None, "answered": None, "refused": msgspec.to_builtins(fault)}
        text = f"refused by {fault.rule}: {fault.reason}; nothing was recorded"
        print_result(document, text, options)
        raise VerbEnd(EXIT_DIFFERENCE, fault.reason, fault.rule)


def _publish(configured: "StrategyConfigured", wait: float, options: CommandOptions) -> None:
    from deadreckon.cli.running import run
    from deadreckon.node.command_answers import record_strategy

    outcome = run(lambda: record_strategy(options.data, configured, wait, options.nats))
    refused = outcome.refused
    if refused is not None:
        what = f"refused by {refused.rule}: {refused.reason}; it stays off"
    elif outcome.answered is None:
        what = "no stack runs here: signal answers it when one starts"
    elif outcome.answered:
        what = "signal has taken it"
    else:
        what = f"NOT answered within {wait:g} s by: signal"
    text = f"recorded at sequence {outcome.sequence}\n{what}"
    print_result(msgspec.to_builtins(outcome), text, options)
    if refused is not None and configured.enabled:
        raise VerbEnd(EXIT_DIFFERENCE, refused.reason, refused.rule)
    if outcome.answered is False:
        raise VerbEnd(EXIT_DIFFERENCE, what, UNANSWERED)


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
