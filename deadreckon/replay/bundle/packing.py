"""Packs one decision into a file that replays it anywhere."""

import hashlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon import __version__
from deadreckon.archive.open_log import open_bus
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
from deadreckon.replay.rerun.comparison import answer_detail
from deadreckon.replay.rerun.job.checkout import own_revision
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.snapshots import LogPosition, SnapshotHead, encode_state
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
    """Which decision, from which folder, into which file; `service` where another's is meant."""

    data: Path
    wanted: str
    output: Path
    service: str = ""
    nats: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def pack(wish: BundleRequest, tell: Callable[[str, int, int], None]) -> BundleManifest:
    """Write the bundle; nothing is written to the log.

    Raises BundleError, NoDecisionError, UnknownIdError and AmbiguousIdError.
    """
    folder = Folder(wish.data).check()
    log_lines.configure(folder.logs / "bundle.log")
    async with open_bus(folder, wish.nats) as bus:
        return await pack_from(bus, wish, tell)


async def pack_from(
    bus: Bus, wish: BundleRequest, tell: Callable[[str, int, int], None]
) -> BundleManifest:
    """The same of a log that is open already."""
    found = await target(bus, wish.wanted, wish.service, wish.book, wish.mode, tell)
    part = await cut(bus, found, wish.book, wish.mode, tell)
    secrets = Secrets(wish.data)
    kept = _messages(part)
    plain = {STATE: part.state} | {each.part: stored.payload for each, stored in kept}
    plain[ANSWERS] = _pretty([answer_detail(record) for record in part.recorded])
    plain[CONFIGURATION] = _pretty([_configured(record) for record in part.configuration])
    parts = secrets.strip_all(plain)
    parts[HEAD] = secrets.strip(HEAD, encode_state(_head(part, wish, parts)))
    manifest = BundleManifest(
        format=FORMAT,
        wanted=secrets.strip("wanted", wish.wanted.encode()).decode(),
        service=found.service,
        book=wish.book,
        mode=wish.mode,
        question=_place(part.question, found.sequence, found.index),
        decided=_decided(part, found.id),
        program=await _program(part),
        messages=[each for each, _ in kept],
        secrets_searched=secrets.count,
        stripped=secrets.stripped,
        not_in_it=NOT_IN_IT,
        parts={},
    )
    return write_bundle(wish.output, manifest, parts)


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


def _head(part: DecisionSlice, wish: BundleRequest, parts: dict[str, bytes]) -> SnapshotHead:
    """As a snapshot's; the state's digest is of what is in the bundle."""
    shape: Any = type(part.inquiry.lived.state)
    asked_in = part.asked_in
    return SnapshotHead(
        name=part.inquiry.service,
        book=wish.book,
        mode=wish.mode,
        code=fold_code([DECIDERS[part.inquiry.service]]),
        schema=schema_of(shape),
        position=LogPosition(
            asked_in.sequence, digest(asked_in.payload), part.n, asked_in.sequence - 1
        ),
        ingress=part.intake,
        links=part.links,
        state=hashlib.sha256(parts[STATE]).hexdigest(),
    )


def schema_of(shape: Any) -> str:
    """SHA-256 (hex) of a state's shape."""
    return hashlib.sha256(msgspec.json.encode(msgspec.json.schema(shape))).hexdigest()


async def _program(part: DecisionSlice) -> Program:
    return Program(
        version=__version__,
        revision=await own_revision(),
        python=platform.python_version(),
        msgspec=msgspec.__version__,
        recorded_by=part.codes,
    )


def _place(record: Recorded[Any], sequence: int, index: int) -> FactPosition:
    at = format_timestamp(record.at)
    return FactPosition(record.id, type(record.event).__name__, sequence, index, at)


def _decided(part: DecisionSlice, wanted: str) -> FactPosition | None:
    """The answer that was asked for; else the first."""
    named = [record for record in part.recorded if record.id == wanted] or part.recorded
    return _place(named[0], named[0].sequence, named[0].index) if named else None


def _configured(record: Recorded[Any]) -> dict[str, Any]:
    since = {
        "in_force_since": format_timestamp(record.at),
        "place": f"{record.sequence}.{record.index}",
    }
    return {"type": type(record.event).__name__, **since, **plain_body(record.event)}


def _pretty(document: Any) -> bytes:
    return msgspec.json.format(encode_state(document)) + b"\n"
