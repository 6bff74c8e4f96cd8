"""Operators' facts from the command line: built from text, checked, recorded and printed."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter, Token

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, fail
from deadreckon.cli.options import LogOptions
from deadreckon.contracts.event import Event

if TYPE_CHECKING:
    from deadreckon.node.operator_commands import InForce


def _amount(_: Any, tokens: Sequence[Token]) -> Decimal:
    try:
        return Decimal(tokens[0].value)
    except InvalidOperation:
        raise ValueError(f"{tokens[0].value[:40]!r} is not a decimal number") from None


Amount = Annotated[Decimal, Parameter(converter=_amount)]
SignedAmount = Annotated[Decimal, Parameter(converter=_amount, allow_leading_hyphen=True)]
Wait = Annotated[float, Parameter(help="Seconds to wait for acknowledgements.")]


def in_force(data: Path, nats: str | None) -> "InForce":
    """Read what operators' facts add up to at the end of the log."""
    from deadreckon.cli.running import run
    from deadreckon.node.operator_commands import in_force as job

    return run(lambda: job(data, nats))


def publish(event: Event, options: LogOptions) -> None:
    """Record a fact and print its sequence; end with exit code 2 if it would be refused."""
    check(event)
    sequence = record(event, options)
    print_result({"sequence": sequence}, f"recorded at sequence {sequence}", options)


def check(event: Event) -> None:
    """End with exit code 2 if a fact would be refused as malformed."""
    from deadreckon.contracts.catalogue import NAMES
    from deadreckon.contracts.governance import OperatorMalformed
    from deadreckon.contracts.inbound import read_fact, write_fact

    try:
        payload = write_fact("check", NAMES[type(event)], event)
    except ValueError as error:  # NaN or infinity is not an amount
        fail(str(error), EXIT_USAGE)
    judged = read_fact("cli", payload)[2]
    if isinstance(judged, OperatorMalformed):
        fail(f"{judged.rule}: {judged.reason}", EXIT_USAGE)


def record(event: Event, options: LogOptions) -> int:
    """Record a fact; return its sequence."""
    from deadreckon.cli.running import run
    from deadreckon.node.operator_commands import record_facts

    (sequence,) = run(lambda: record_facts(options.data, [event], options.nats))
    return sequence


def print_result(document: dict[str, Any], text: str, options: LogOptions) -> None:
    """Print one JSON object or one line."""
    print(json.dumps(document) if options.json else text)


def print_rows(rows: Iterable[Any], options: LogOptions) -> None:
    """Print events as a JSON array, or each as a block of names and values."""
    plain = msgspec.to_builtins(list(rows))
    if options.json:
        print(json.dumps(plain))
        return
    for row in plain:
        print_block(row)


def print_block(row: dict[str, Any]) -> None:
    """Print the fields that have a value, one a line, and an empty line."""
    for name, value in row.items():
        if value not in (None, "", [], {}):
            print(f"{name:30} {value}")
    print()


def build(shape: type[Event], fields: dict[str, Any]) -> Event:
    """Convert text to an event; end with exit code 2 and the field's name where that fails."""
    try:
        return msgspec.convert(fields, shape, strict=False)
    except (ValueError, ArithmeticError) as error:  # msgspec's own are ValueErrors
        fail(str(error), EXIT_USAGE)


def assigned(assignments: Sequence[str], shape: type[Event]) -> dict[str, Any]:
    """Parse NAME=VALUE texts whose names are fields of an event."""
    known = [name for name in shape.__struct_fields__ if name not in ("actor", "reason")]
    found: dict[str, Any] = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        if not sign or name not in known:
            fail(f"{text!r}: give NAME=VALUE with a name out of {', '.join(known)}", EXIT_USAGE)
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    if text in ("none", "null", "off"):
        return None
    if text.startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as error:
            fail(f"{text!r} is not JSON: {error}", EXIT_USAGE)
    return text


def publish_and_wait(verb: str, event: Event, options: LogOptions, wait: float) -> None:
    """Record a halt or a resume and print who acknowledged it; exit with 1 unless all did."""
    from deadreckon.cli.running import run
    from deadreckon.node.command_answers import record_and_wait

    outcome = run(lambda: record_and_wait(options.data, event, wait, options.nats))
    if options.json:
        print(json.dumps(msgspec.structs.asdict(outcome)))
    elif outcome.refused:
        print(f"{verb} refused: {outcome.refused}")
    else:
        print(f"{verb} recorded at sequence {outcome.sequence}")
        print(f"acknowledged by: {', '.join(outcome.acknowledged) or 'nobody'}")
        if outcome.missing:
            print(f"NOT acknowledged within {wait:g} s by: {', '.join(outcome.missing)}")
    if outcome.missing or outcome.refused:
        raise SystemExit(EXIT_DIFFERENCE)


def publish_command(verb: str, event: Event, options: LogOptions) -> None:
    """Record an operator's command and print its sequence."""
    sequence = record(event, options)
    text = (
        f"{verb} recorded at sequence {sequence}; "
        f"`dr tail --data {options.data}` shows what follows"
    )
    print_result({"sequence": sequence}, text, options)
