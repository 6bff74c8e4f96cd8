"""The result of a rerun as text: a table of the services, and the first divergence in full."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from rich.table import Table
from rich.text import Text

from deadreckon.cli.terminal.tables import Column, console, plain_table
from deadreckon.formatting.text import safe_text
from deadreckon.replay.rerun.comparison import Divergence, EventDetail
from deadreckon.replay.rerun.document import DivergenceState, RerunDocument, ServiceResult
from deadreckon.replay.rerun.states import PathChange

PATHS_SHOWN = 40
_COUNTED = ("questions", "handled", "answers", "diverging")


def show_rerun(document: RerunDocument) -> None:
    """Print what each service was asked and answered, and the first divergence in full."""
    out = console()
    code = document.code
    revision = f" ({code.revision[:12]})" if code.revision else ""
    _print([f"asked again: {document.day}, by {code.name}{revision}, version {code.version}", ""])
    out.print(_services(document))
    _print(
        f"{name}: an edge: its events are questions, it decides nothing" for name in document.edges
    )
    _print(["", *_notes(document.services)])
    pace = document.questions / max(document.seconds, 1e-3)
    if document.equal:
        equal = f"equal: {document.questions:,} questions, {document.answers:,} answers, "
        took = f"in {document.seconds:.1f} s ({pace:,.0f} questions/s)"
        _print([equal + took, f"digest {document.digest}"])
        return
    _print([f"DIFFERENT: {document.diverging:,} of {document.handled:,} questions"])
    out.print(_kinds(document.services))
    if document.first is not None:
        _print(["", *divergence(document.first, document.first.state, "the first divergence")])


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _services(document: RerunDocument) -> Table:
    table = plain_table([Column("service"), *(Column(name, right=True) for name in _COUNTED)])
    for name, tally in document.services.items():
        table.add_row(Text(name), *(f"{getattr(tally, counted):,}" for counted in _COUNTED))
    return table


def _notes(services: dict[str, ServiceResult]) -> Iterator[str]:
    for name, tally in services.items():
        if tally.broken:
            yield f"{name}: {tally.broken}; later questions were not compared"
        if tally.due:
            question = ".".join(map(str, tally.due))
            yield f"{name}: the log ends before the answer to {question} ({tally.unasked} more)"


def _kinds(services: dict[str, ServiceResult]) -> Table:
    table = plain_table([Column(""), Column("", right=True), Column("")])
    table.show_header = False
    for name, tally in services.items():
        for what, count in tally.kinds.items():
            table.add_row(Text(f"  {name}"), f"{count:,}", Text(what))
    return table


def divergence(first: Divergence, state: DivergenceState | UnsetType, title: str) -> Iterator[str]:
    """Yield a question with both its answers, and what they do to the state."""
    yield f"{title}: {first.service}, at the question {first.sequence}.{first.index}"
    yield from fact("question", first.question)
    yield from facts("recorded", first.recorded)
    yield from facts("now", first.current)
    if first.error:
        yield f"  raised    {first.error}"
    for each in first.differences:
        yield f"  differs   {each.what}"
    if state is not UNSET:
        yield from _effects(state)


def facts(title: str, found: list[EventDetail]) -> Iterator[str]:
    """Yield events with all their fields, or that there are none."""
    if not found:
        yield f"  {title:<10}nothing"
    for each in found:
        yield from fact(title, each)


def fact(title: str, found: EventDetail) -> Iterator[str]:
    """Yield an event with all its fields."""
    yield f"  {title:<10}{found.type} {found.id}"
    for name, value in msgspec.json.decode(found.data).items():
        yield f"            {name}: {_text(value)}"


def _effects(state: DivergenceState) -> Iterator[str]:
    names = ", ".join(state.names)
    yield f"  the state before, where it concerns {names or 'nobody'}:"
    for path, value in [*state.before.items()][:PATHS_SHOWN]:
        yield f"    {safe_text(path)} = {_text(value)}"
    yield from _rest(len(state.before))
    yield from _changes("the recorded answers make of it", state.by_recorded)
    yield from _changes("the answers of today make of it", state.by_today)
    if state.remembered_differently:
        yield from _changes("the other code has in its state", state.remembered_differently)


def _changes(title: str, changes: list[PathChange]) -> Iterator[str]:
    yield f"  {title}:" + ("" if changes else " nothing")
    for each in changes[:PATHS_SHOWN]:
        yield f"    {safe_text(each.path)}: {_text(each.before)} -> {_text(each.after)}"
    yield from _rest(len(changes))


def _rest(count: int) -> Iterator[str]:
    if count > PATHS_SHOWN:
        yield f"    ... {count - PATHS_SHOWN} more (--json)"


def _text(value: Any) -> str:
    return safe_text(value if isinstance(value, str) else msgspec.json.encode(value).decode())
