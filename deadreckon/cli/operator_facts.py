"""Operators' facts from the command line: built from text, checked, recorded and printed."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter, Token

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, UNANSWERED, VerbEnd, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions, Seconds
from deadreckon.contracts.event import Event
from deadreckon.formatting.nearest import nearest_name

if TYPE_CHECKING:
    from deadreckon.node.operator_commands import InForce


def _amount(_: Any, tokens: Sequence[Token]) -> Decimal:
    try:
        return Decimal(tokens[0].value)
    except InvalidOperation:
        raise ValueError(f"{tokens[0].value[:40]!r} is not a decimal number") from None


WAIT_SECONDS = 10.0  # for what services answer to a fact
Amount = Annotated[Decimal, Parameter(converter=_amount)]
SignedAmount = Annotated[Decimal, Parameter(converter=_amount, allow_leading_hyphen=True)]
Wait = Annotated[
    Seconds, Parameter(help="How long to wait for acknowledgements: seconds, or 1min.")
]


def in_force(data: Path, nats: str | None) -> "InForce":
    """Read what operators' facts add up to at the end of the log."""
    from deadreckon.cli.running import run
    from deadreckon.node.operator_commands import in_force as job

    return run(lambda: job(data, nats))


def publish(event: Event, options: LogOptions) -> None:
    """Record a fact and print what comes of it; end with exit code 2 if it is malformed."""
    check(event)
    publish_command("fact", event, options)


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


def print_result(document: dict[str, Any], text: str, options: LogOptions) -> None:
    """Print one JSON object or one line."""
    if options.json:
        print_document(document)
    else:
        print(text)


def print_rows(rows: Iterable[Any], options: LogOptions) -> None:
    """Print events as a JSON array, or each as a block of names and values."""
    found = list(rows)
    if options.json:
        print_document(found)
        return
    for row in found:
        print_block(row)


def print_block(row: msgspec.Struct, **more: str) -> None:
    """Print the fields that have a value, as people write them, one a line, and an empty line."""
    from deadreckon.formatting.field_text import format_field

    for name, value in (more | msgspec.structs.asdict(row)).items():
        if value not in (None, "", [], {}, ()):
            print(f"{name:30} {format_field(type(row), name, value)}")
    print()


def build(shape: type[Event], fields: dict[str, Any]) -> Event:
    """Convert text to an event; end with exit code 2 and the field's name where that fails."""
    try:
        return msgspec.convert(fields, shape, strict=False)
    except (ValueError, ArithmeticError) as error:  # msgspec's own are ValueErrors
        fail(str(error), EXIT_USAGE)


def assigned(assignments: Sequence[str], *shapes: type[Event], prefix: str = "") -> dict[str, Any]:
    """Parse NAME=VALUE texts whose names are fields of one of some events, after an optional
    prefix."""
    from deadreckon.formatting.field_text import parse_field

    hidden = ("actor", "reason", "is_default")
    shape_of = {name: each for each in shapes for name in each.__struct_fields__}
    known = [name for name in shape_of if name not in hidden]
    found: dict[str, Any] = {}
    for text in assignments:
        name, sign, value = text.partition("=")
        name = name.removeprefix(prefix)
        if not sign or name not in known:
            fail(f"{text!r}: give NAME=VALUE; {nearest_name(name, known)}", EXIT_USAGE)
        try:
            found[name] = parse_field(shape_of[name], name, value)
        except ValueError as error:
            fail(f"{text!r}: {error}", EXIT_USAGE)
    return found


def publish_and_wait(verb: str, event: Event, options: LogOptions, wait: float) -> None:
    """Record a halt or a resume and print who acknowledged it; exit with 1 unless all did."""
    from deadreckon.cli.running import run
    from deadreckon.node.command_answers import may_run, record_and_wait
    from deadreckon.runtime.process.folder import Folder

    runs = may_run(Folder(options.data), options.nats)
    outcome = run(lambda: record_and_wait(options.data, event, wait, options.nats))
    if options.json:
        print_document(outcome)
    elif outcome.refused:
        print(f"{verb} refused: {outcome.refused}")
    else:
        print(f"{verb} recorded at sequence {outcome.sequence}")
        print(f"acknowledged by: {', '.join(outcome.acknowledged) or 'nobody'}")
    if outcome.refused:
        raise VerbEnd(EXIT_DIFFERENCE, outcome.refused, outcome.rule or "refused")
    if outcome.missing:
        waited = f"NOT acknowledged within {wait:g} s by: {', '.join(outcome.missing)}"
        why = waited if runs else "no stack runs here: it is acknowledged when one starts"
        if not options.json:
            print(why)
        raise VerbEnd(EXIT_DIFFERENCE, why, UNANSWERED)


def _nearest(event: Event, options: LogOptions) -> str:
    """The listed instrument whose name comes nearest to that of a refused fact, as a question."""
    name = getattr(event, "instrument", None) or ""
    if not name:
        return ""
    return f"; {nearest_name(name, in_force(options.data, options.nats).instruments)}"


def publish_command(
    verb: str, event: Event, options: LogOptions, *services: str, wait: float = WAIT_SECONDS
) -> None:
    """Record an operator's fact, and print what governance and `services` answer to it.

    Exits with 1 when it is refused, names nothing, or is not answered in time.
    """
    from deadreckon.cli.running import run
    from deadreckon.node.command_answers import record_and_read

    asked = ("governance", *services)
    found = run(lambda: record_and_read(options.data, event, asked, wait, options.nats))
    if found.refused is not None:
        what = f"refused by {found.refused.rule}: {found.refused.reason}{_nearest(event, options)}"
    elif found.missed is not None:
        what = f"missed: {found.missed.reason}"
    elif found.answered is None:
        what = "no stack runs here: it is answered when one starts"
    elif not found.answered:
        what = f"NOT answered within {wait:g} s by: {' and '.join(asked)}"
    elif found.events:
        counts = Counter(found.events)
        what = "answered: " + ", ".join(f"{count} {name}" for name, count in counts.items())
    else:
        what = "taken; nothing had to be done"
    print_result(
        msgspec.to_builtins(found), f"recorded at sequence {found.sequence}; {what}", options
    )
    if found.refused is not None:
        raise VerbEnd(EXIT_DIFFERENCE, found.refused.reason, found.refused.rule)
    if found.missed is not None:
        raise VerbEnd(EXIT_DIFFERENCE, found.missed.reason, "missed")
    if found.answered is False:
        raise VerbEnd(EXIT_DIFFERENCE, what, UNANSWERED)
