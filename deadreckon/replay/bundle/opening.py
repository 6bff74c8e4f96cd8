"""Replays the decision of a bundle, on any machine, without a log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from deadreckon.contracts.codec import decode_commit, unseal
from deadreckon.contracts.event import Recorded
from deadreckon.replay.bundle.file import BundleError, Manifest, read_bundle
from deadreckon.replay.bundle.packing import HEAD, STATE, schema_of
from deadreckon.replay.rerun.comparison import Answer, Comparison, Divergence, shown, told
from deadreckon.replay.rerun.redecide import Asked, ask
from deadreckon.replay.rerun.states import Effects, effects
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.service.decider_runner import Lived
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.snapshots import Head, state_digest
from deadreckon.services.catalogue import DECIDERS, decider


class OtherShapeError(Exception):
    """You opened a bundle whose state this program cannot hold; the message says which can."""


class Opened(Struct, frozen=True):
    """What came of it: the question, the answers recorded and those of today, what the question
    does to the state, and the divergence if there is one. `warnings` say what is not as it was."""

    manifest: Manifest
    question: Answer
    recorded: list[Answer]
    said: list[Answer]
    effects: Effects
    divergence: Divergence | None
    warnings: list[str]


def open_bundle(path: Path) -> Opened:
    """Ask the question of a bundle again. Raises BundleError and OtherShapeError."""
    manifest, parts = read_bundle(path)
    head = _head(path, manifest, parts)
    lived = Lived(head.name, head.book, decider(head.name))
    lived.state = _state(path, manifest, head, lived, parts[STATE])
    question = _question(path, manifest, head, parts)
    recorded = _recorded(path, manifest, parts)
    whole = state_digest(lived.state) == head.state
    does = effects(lived, question, recorded)
    said, error, broken = ask(lived, question, recorded)
    place = manifest.question
    asked = Asked(place.sequence, place.index, question, recorded, said, error, broken)
    return Opened(
        manifest,
        shown(question),
        [told(each) for each in recorded],
        [told(each) for each in said],
        does,
        Comparison(head.name).add(asked),
        _warnings(manifest, head, question, whole=whole),
    )


def _head(path: Path, manifest: Manifest, parts: Mapping[str, bytes]) -> Head:
    wanted = [HEAD, STATE, *(kept.part for kept in manifest.messages)]
    for name in wanted:
        if name not in parts:
            raise BundleError(f"{path}: {name} is missing")
    try:
        head = msgspec.json.decode(parts[HEAD], type=Head)
    except msgspec.MsgspecError as error:
        raise BundleError(f"{path}: {HEAD} cannot be read: {error}") from error
    if head.name not in DECIDERS or not manifest.messages:
        raise BundleError(f"{path}: {HEAD} is of {head.name!r}, which decides nothing here")
    return head


def _state(path: Path, manifest: Manifest, head: Head, lived: Lived, encoded: bytes) -> Any:
    try:
        return msgspec.json.decode(encoded, type=type(lived.state))
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        program = manifest.program
        raise OtherShapeError(
            f"{path}: the state of {head.name} has another shape in this program ({error}); open "
            f"it with version {program.version} {program.revision}".rstrip()
        ) from error


def _question(
    path: Path, manifest: Manifest, head: Head, parts: Mapping[str, bytes]
) -> Recorded[Any]:
    """The question as this program reads it out of the stored bytes.

    Where something was stripped of them, ids that derive from their digest are taken from the
    manifest.
    """
    kept, place = manifest.messages[0], manifest.question
    links = {tuple(name.split(".", 1)): link for name, link in head.links.items()}
    stored = Stored(kept.sequence, kept.subject, parts[kept.part], kept.stored_at)
    message = Decoding(links=links).decode(stored)  # type: ignore[arg-type]
    facts = list(structs.replace(head.intake).admit(message))
    if place.index >= len(facts):
        raise BundleError(f"{path}: {kept.part} has no fact {place.index}")
    question = facts[place.index]
    if any(each.part == kept.part for each in manifest.stripped) and message.subject.is_door:
        return structs.replace(question, id=place.id, root=place.id)
    return question


def _recorded(path: Path, manifest: Manifest, parts: Mapping[str, bytes]) -> list[Recorded[Any]]:
    """The answers to the question, out of the commits that recorded them."""
    wanted = (manifest.question.sequence, manifest.question.index)
    found: list[Recorded[Any]] = []
    for kept in manifest.messages[1:]:
        try:
            commit = decode_commit(parts[kept.part])
            begin = 0
            for sequence, index, count in commit.answers:
                if (sequence, index) == wanted:
                    places = range(begin, begin + count)
                    found += [unseal(commit.events[at], kept.sequence, at) for at in places]
                begin += count
        except (ValueError, IndexError) as error:
            raise BundleError(f"{path}: {kept.part} cannot be read: {error}") from error
    return found


def _warnings(manifest: Manifest, head: Head, question: Recorded[Any], *, whole: bool) -> list[str]:
    program, warnings = manifest.program, []
    state: Any = type(decider(head.name).initial())
    if head.code != fold_code([DECIDERS[head.name]]):
        revision = f" (git {program.revision[:12]})" if program.revision else ""
        warnings.append(
            f"this program's code of {head.name} is not the one that packed the bundle, "
            f"version {program.version}{revision}"
        )
    if head.schema != schema_of(state):
        warnings.append(f"the state of {head.name} has another shape here; what is new is empty")
    elif not whole:
        warnings.append(f"what is read of the state of {head.name} is not what was written")
    if question.id != manifest.question.id:
        warnings.append("this program reads another question out of the same bytes")
    stripped = (
        f"{each.part}: {each.times} times the secret of {each.secret} was stripped"
        for each in manifest.stripped
    )
    return [*warnings, *stripped]
