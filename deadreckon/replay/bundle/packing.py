"""Packs one decision into a file that can be replayed on any machine."""

import hashlib
import platform
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon import __version__
from deadreckon.contracts.codec import plain_body
from deadreckon.contracts.envelope import digest
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.bundle.file import (
    FORMAT,
    BundleManifest,
    FactPosition,
    Program,
    StoredPart,
    write_bundle,
)
from deadreckon.replay.bundle.secrecy import Secrets
from deadreckon.replay.bundle.slice import DecisionSlice, cut, target
from deadreckon.replay.opening import Progress, open_log
from deadreckon.replay.rerun.comparison import answer_detail
from deadreckon.replay.rerun.job.checkout import own_revision
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.snapshot_file import LogPosition, SnapshotHead
from deadreckon.runtime.service.snapshots import encode_state
from deadreckon.services.catalogue import BOOK, DECIDERS

HEAD, STATE, ANSWERS, CONFIGURATION = (
    "head.json",
    "state.json",
    "answers.json",
    "configuration.json",
)

NOT_IN_IT = [
    "credentials, seeds and keys of any kind: the log has none, and the folder's own were searched",
    "the rest of the log: questions before this one are in the state, later ones are left out",
    "the states of other services, and whatever reads the log: audit book, lake, metrics",
    "the program itself: it is named by version, git revision and fold code",
]


class BundleRequest(Struct, frozen=True):
    """The arguments of a bundle: which decision, from which folder, into which file.

    `service` names the one whose decision is meant, where it is not the first that answered.
    """

    data: Path
    wanted: str
    output: Path
    service: str = ""
    nats: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def pack(request: BundleRequest, *, shows: bool) -> BundleManifest:
    """Write the bundle; nothing is written to the log.

    Raises BundleError, NoDecisionError, UnknownIdError and AmbiguousIdError.
    """
    async with open_log(request.data, request.nats, "bundle", shows=shows) as log:
        return await pack_from(log.bus, request, log.progress)


async def pack_from(bus: Bus, request: BundleRequest, progress: Progress) -> BundleManifest:
    """Write the bundle of a decision in an open log."""
    found = await target(bus, request.wanted, request.service, request.book, request.mode, progress)
    part = await cut(bus, found, request.book, request.mode, progress)
    secrets = Secrets(request.data)
    kept = _messages(part)
    plain = {STATE: part.state} | {each.part: stored.payload for each, stored in kept}
    plain[ANSWERS] = _pretty([answer_detail(record) for record in part.recorded])
    plain[CONFIGURATION] = _pretty([_configured(record) for record in part.configuration])
    parts = secrets.strip_all(plain)
    parts[HEAD] = secrets.strip(HEAD, encode_state(_head(part, request, parts)))
    manifest = BundleManifest(
        format=FORMAT,
        wanted=secrets.strip("wanted", request.wanted.encode()).decode(),
        service=found.service,
        book=request.book,
        mode=request.mode,
        question=_position(part.question, found.sequence, found.index),
        decided=_decided(part, found.id),
        program=await _program(part),
        messages=[each for each, _ in kept],
        secrets_searched=secrets.count,
        stripped=secrets.stripped,
        not_in_it=NOT_IN_IT,
        parts={},
    )
    return write_bundle(request.output, manifest, parts)


def _messages(part: DecisionSlice) -> list[tuple[StoredPart, Stored]]:
    stored = [(part.asked_in, "the question"), *((each, "the answers") for each in part.commits)]
    return [
        (
            StoredPart(
                f"messages/{each.sequence:012d}", each.sequence, each.subject, each.stored_at, holds
            ),
            each,
        )
        for each, holds in stored
    ]


def _head(part: DecisionSlice, request: BundleRequest, parts: dict[str, bytes]) -> SnapshotHead:
    """Describe the state as a snapshot does; its digest is that of the state in the bundle."""
    shape: Any = type(part.redecider.runner.state)
    asked_in = part.asked_in
    return SnapshotHead(
        name=part.redecider.service,
        book=request.book,
        mode=request.mode,
        code=fold_code([DECIDERS[part.redecider.service]]),
        schema=schema_of(shape),
        position=LogPosition(
            asked_in.sequence, digest(asked_in.payload), part.n, asked_in.sequence - 1
        ),
        ingress=part.intake,
        links=part.links,
        state=hashlib.sha256(parts[STATE]).hexdigest(),
    )


def schema_of(shape: Any) -> str:
    """Hash the shape of a state (SHA-256, hex)."""
    return hashlib.sha256(msgspec.json.encode(msgspec.json.schema(shape))).hexdigest()


async def _program(part: DecisionSlice) -> Program:
    return Program(
        version=__version__,
        revision=await own_revision(),
        python=platform.python_version(),
        msgspec=msgspec.__version__,
        recorded_by=part.codes,
    )


def _position(record: Recorded[Any], sequence: int, index: int) -> FactPosition:
    at = format_timestamp(record.at)
    return FactPosition(record.id, type(record.event).__name__, sequence, index, at)


def _decided(part: DecisionSlice, wanted: str) -> FactPosition | None:
    """Find the answer that was asked for; else the first."""
    named = [record for record in part.recorded if record.id == wanted] or part.recorded
    return _position(named[0], named[0].sequence, named[0].index) if named else None


def _configured(record: Recorded[Any]) -> dict[str, Any]:
    since = {
        "in_force_since": format_timestamp(record.at),
        "place": f"{record.sequence}.{record.index}",
    }
    return {"type": type(record.event).__name__, **since, **plain_body(record.event)}


def _pretty(document: Any) -> bytes:
    return msgspec.json.format(encode_state(document)) + b"\n"
