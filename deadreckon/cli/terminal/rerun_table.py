"""What a rerun found, as a person reads it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from deadreckon.formatting.text import safe_text

Document = dict[str, Any]

PATHS_SHOWN = 40


def show_rerun(document: Document) -> None:
    """Print it."""
    for line in lines(document):
        print(line)


def lines(document: Document) -> Iterator[str]:
    """A line for each service, and the first divergence in full."""
    code = document["code"]
    revision = f" ({code['revision'][:12]})" if code["revision"] else ""
    yield f"asked again: {document['day']}, by {code['name']}{revision}, version {code['version']}"
    yield ""
    yield f"{'service':<12}{'questions':>12}{'heeded':>12}{'answers':>12}{'diverging':>12}"
    for name, tally in document["services"].items():
        yield (
            f"{name:<12}{tally['questions']:>12,}{tally['heeded']:>12,}"
            f"{tally['answers']:>12,}{tally['diverging']:>12,}"
        )
    for name in document["edges"]:
        yield f"{name:<12}an edge: what it tells are questions, it decides nothing"
    yield ""
    yield from _notes(document["services"])
    pace = document["questions"] / max(document["seconds"], 1e-3)
    if document["equal"]:
        yield (
            f"equal: {document['questions']:,} questions, {document['answers']:,} answers, "
            f"in {document['seconds']:.1f} s ({pace:,.0f} questions/s)"
        )
        yield f"digest {document['digest']}"
        return
    yield f"DIFFERENT: {document['diverging']:,} of {document['heeded']:,} questions"
    yield from _kinds(document["services"])
    yield ""
    yield from divergence(document["first"], "the first divergence")


def _notes(services: Document) -> Iterator[str]:
    for name, tally in services.items():
        if tally["broken"]:
            yield f"{name}: {tally['broken']}; what comes later was not compared"
        if tally["due"]:
            place = ".".join(map(str, tally["due"]))
            yield f"{name}: the log ends before the answer to {place} ({tally['unasked']} more)"


def _kinds(services: Document) -> Iterator[str]:
    for name, tally in services.items():
        for what, count in tally["kinds"].items():
            yield f"  {name:<12}{count:>8,}  {what}"


def divergence(first: Document, title: str) -> Iterator[str]:
    """A question with its two answers, and what they do to the state."""
    place = f"{first['sequence']}.{first['index']}"
    yield f"{title}: {first['service']}, at the question {place}"
    yield from fact("question", first["question"])
    yield from facts("recorded", first["recorded"])
    yield from facts("said now", first["said"])
    if first["error"]:
        yield f"  raised    {first['error']}"
    for each in first["differences"]:
        yield f"  differs   {each['what']}"
    if state := first.get("state"):
        yield from _effects(state)


def facts(title: str, found: list[Document]) -> Iterator[str]:
    """Facts with all their fields, or that there are none."""
    if not found:
        yield f"  {title:<10}nothing"
    for each in found:
        yield from fact(title, each)


def fact(title: str, found: Document) -> Iterator[str]:
    """A fact with all its fields."""
    yield f"  {title:<10}{found['type']} {found['id']}"
    for name, value in found["data"].items():
        yield f"            {name}: {_text(value)}"


def _effects(state: Document) -> Iterator[str]:
    names = ", ".join(state["names"])
    yield f"  the state before, where it concerns {names or 'nobody'}:"
    for path, value in [*state["before"].items()][:PATHS_SHOWN]:
        yield f"    {safe_text(path)} = {_text(value)}"
    yield from _rest(len(state["before"]))
    yield from _changes("the recorded answers make of it", state["by_recorded"])
    yield from _changes("what is said now makes of it", state["by_said"])
    if otherwise := state.get("remembered_otherwise"):
        yield from _changes("the other code remembers otherwise", otherwise)


def _changes(title: str, changes: list[Document]) -> Iterator[str]:
    yield f"  {title}:" + ("" if changes else " nothing")
    for each in changes[:PATHS_SHOWN]:
        yield f"    {safe_text(each['path'])}: {_text(each['before'])} -> {_text(each['after'])}"
    yield from _rest(len(changes))


def _rest(count: int) -> Iterator[str]:
    if count > PATHS_SHOWN:
        yield f"    ... {count - PATHS_SHOWN} more (--json)"


def _text(value: Any) -> str:
    return safe_text(value if isinstance(value, str) else msgspec.json.encode(value).decode())
