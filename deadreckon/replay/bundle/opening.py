"""Replays the decision of a bundle, on any machine, without a log."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field, structs

from deadreckon.contracts.codec import decode_commit, unwrap
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Recorded
from deadreckon.replay.bundle.file import BundleError, BundleManifest, read_bundle
from deadreckon.replay.bundle.packing import HEAD, STATE, schema_of
from deadreckon.replay.rerun.comparison import (
    AnswerComparison,
    Divergence,
    EventDetail,
    answer_detail,
    question_detail,
)
from deadreckon.replay.rerun.redecide import Redecision, redecide_question
from deadreckon.replay.rerun.states import StateEffects, effects
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.service.decider_runner import DeciderRunner
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.snapshot_file import SnapshotHead
from deadreckon.runtime.service.snapshots import state_digest
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import DECIDERS


class StateShapeError(OperationalError):
    """You opened a bundle whose state this program cannot hold; the message says which can."""


class OpenedBundle(Struct, frozen=True):
    """The replayed decision of a bundle: its question, the recorded answers and those of today, the
    effects on the state, and the divergence if there is one.

    `warnings` say in sentences what differs from the program that packed the bundle.
    """

    equal: bool
    manifest: BundleManifest
    question: EventDetail
    recorded: list[EventDetail]
    current: list[EventDetail] = field(name="said")
    effects: StateEffects
    divergence: Divergence | None
    warnings: list[str]


def open_bundle(path: Path) -> OpenedBundle:
    """Put the question of a bundle again. Raises BundleError and StateShapeError."""
    manifest, parts = read_bundle(path)
    head = _head(path, manifest, parts)
    runner = DeciderRunner(head.name, head.book, decider(head.name))
    runner.resume(_state(path, manifest, head, runner, parts[STATE]))
    question = _question(path, manifest, head, parts)
    recorded = _recorded(path, manifest, parts)
    whole = state_digest(runner.state) == head.state
    does = effects(runner, question, recorded)
    current, error, broken = redecide_question(runner, question, recorded)
    asked = Redecision(
        manifest.question.sequence,
        manifest.question.index,
        question,
        recorded,
        current,
        error,
        broken,
    )
    divergence = AnswerComparison(head.name).add(asked)
    return OpenedBundle(
        equal=divergence is None,
        manifest=manifest,
        question=question_detail(question),
        recorded=[answer_detail(each) for each in recorded],
        current=[answer_detail(each) for each in current],
        effects=does,
        divergence=divergence,
        warnings=_warnings(manifest, head, question, whole=whole),
    )


def _head(path: Path, manifest: BundleManifest, parts: Mapping[str, bytes]) -> SnapshotHead:
    wanted = [HEAD, STATE, *(kept.part for kept in manifest.messages)]
    for name in wanted:
        if name not in parts:
            raise BundleError(f"{path}: {name} is missing")
    try:
        head = msgspec.json.decode(parts[HEAD], type=SnapshotHead)
    except msgspec.MsgspecError as error:
        raise BundleError(f"{path}: {HEAD} cannot be read: {error}") from error
    if head.name not in DECIDERS or not manifest.messages:
        raise BundleError(f"{path}: {HEAD} is of {head.name!r}, which decides nothing here")
    return head


def _state(
    path: Path, manifest: BundleManifest, head: SnapshotHead, runner: DeciderRunner, encoded: bytes
) -> Any:
    try:
        return msgspec.json.decode(encoded, type=type(runner.state))
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        program = manifest.program
        raise StateShapeError(
            f"{path}: the state of {head.name} has another shape in this program ({error}); open "
            f"it with version {program.version} {program.revision}".rstrip()
        ) from error


def _question(
    path: Path, manifest: BundleManifest, head: SnapshotHead, parts: Mapping[str, bytes]
) -> Recorded[Any]:
    """Decode the question from the stored bytes with this program.

    Where something was stripped of them, ids that derive from their digest are taken from the
    manifest.
    """
    kept, position = manifest.messages[0], manifest.question
    links = {tuple(name.split(".", 1)): link for name, link in head.links.items()}
    stored = Stored(kept.sequence, kept.subject, parts[kept.part], kept.stored_at)
    message = Decoding(links=links).decode(stored)  # type: ignore[arg-type]
    facts = list(structs.replace(head.ingress).records_of(message))
    if position.index >= len(facts):
        raise BundleError(f"{path}: {kept.part} has no fact {position.index}")
    question = facts[position.index]
    if any(each.part == kept.part for each in manifest.stripped) and message.subject.is_inbound:
        return structs.replace(question, id=position.id, root=position.id)
    return question


def _recorded(
    path: Path, manifest: BundleManifest, parts: Mapping[str, bytes]
) -> list[Recorded[Any]]:
    """Return the answers to the question, out of the commits that recorded them."""
    wanted = (manifest.question.sequence, manifest.question.index)
    found: list[Recorded[Any]] = []
    for kept in manifest.messages[1:]:
        try:
            commit = decode_commit(parts[kept.part])
            begin = 0
            for sequence, index, count in commit.answers:
                if (sequence, index) == wanted:
                    indexes = range(begin, begin + count)
                    found += [unwrap(commit.events[at], kept.sequence, at) for at in indexes]
                begin += count
        except (ValueError, IndexError) as error:
            raise BundleError(f"{path}: {kept.part} cannot be read: {error}") from error
    return found


def _warnings(
    manifest: BundleManifest, head: SnapshotHead, question: Recorded[Any], *, whole: bool
) -> list[str]:
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
