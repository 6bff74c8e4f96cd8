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
from deadreckon.contracts.timestamps import format_moment
from deadreckon.replay.bundle.file import FORMAT, Kept, Manifest, Place, Program, write_bundle
from deadreckon.replay.bundle.secrecy import Secrets
from deadreckon.replay.bundle.slice import Slice, cut, target
from deadreckon.replay.rerun.comparison import told
from deadreckon.replay.rerun.job.checkout import own_revision
from deadreckon.runtime.log.bus import Bus, Stored
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.snapshots import Head, Moment, encode_state
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


class Wish(Struct, frozen=True):
    """Which decision, from which folder, into which file; `service` where another's is meant."""

    data: Path
    wanted: str
    output: Path
    service: str = ""
    nats: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def pack(wish: Wish, tell: Callable[[str, int, int], None]) -> Manifest:
    """Write the bundle; nothing is written to the log.

    Raises BundleError, NoDecisionError, UnknownIdError and AmbiguousIdError.
    """
    folder = Folder(wish.data).check()
    log_lines.configure(folder.logs / "bundle.log")
    async with open_bus(folder, wish.nats) as bus:
        return await packed(bus, wish, tell)


async def packed(bus: Bus, wish: Wish, tell: Callable[[str, int, int], None]) -> Manifest:
    """The same of a log that is open already."""
    found = await target(bus, wish.wanted, wish.service, wish.book, wish.mode, tell)
    part = await cut(bus, found, wish.book, wish.mode, tell)
    secrets = Secrets(wish.data)
    kept = _messages(part)
    plain = {STATE: part.state} | {each.part: stored.payload for each, stored in kept}
    plain[ANSWERS] = _pretty([told(said) for said in part.recorded])
    plain[CONFIGURATION] = _pretty([_configured(said) for said in part.configuration])
    parts = secrets.strip_all(plain)
    parts[HEAD] = secrets.strip(HEAD, encode_state(_head(part, wish, parts)))
    manifest = Manifest(
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


def _messages(part: Slice) -> list[tuple[Kept, Stored]]:
    stored = [(part.asked_in, "the question"), *((each, "the answers") for each in part.commits)]
    return [
        (
            Kept(
                f"messages/{each.sequence:012d}", each.sequence, each.subject, each.stored_at, holds
            ),
            each,
        )
        for each, holds in stored
    ]


def _head(part: Slice, wish: Wish, parts: dict[str, bytes]) -> Head:
    """As a snapshot's; the state's digest is of what is in the bundle."""
    shape: Any = type(part.inquiry.lived.state)
    asked_in = part.asked_in
    return Head(
        name=part.inquiry.service,
        book=wish.book,
        mode=wish.mode,
        code=fold_code([DECIDERS[part.inquiry.service]]),
        schema=schema_of(shape),
        moment=Moment(asked_in.sequence, digest(asked_in.payload), part.n, asked_in.sequence - 1),
        intake=part.intake,
        links=part.links,
        state=hashlib.sha256(parts[STATE]).hexdigest(),
    )


def schema_of(shape: Any) -> str:
    """SHA-256 (hex) of a state's shape."""
    return hashlib.sha256(msgspec.json.encode(msgspec.json.schema(shape))).hexdigest()


async def _program(part: Slice) -> Program:
    return Program(
        version=__version__,
        revision=await own_revision(),
        python=platform.python_version(),
        msgspec=msgspec.__version__,
        recorded_by=part.codes,
    )


def _place(said: Recorded[Any], sequence: int, index: int) -> Place:
    at = format_moment(said.at)
    return Place(said.id, type(said.event).__name__, sequence, index, at)


def _decided(part: Slice, wanted: str) -> Place | None:
    """The answer that was asked for; else the first."""
    named = [said for said in part.recorded if said.id == wanted] or part.recorded
    return _place(named[0], named[0].sequence, named[0].index) if named else None


def _configured(said: Recorded[Any]) -> dict[str, Any]:
    since = {"in_force_since": format_moment(said.at), "place": f"{said.sequence}.{said.index}"}
    return {"type": type(said.event).__name__, **since, **plain_body(said.event)}


def _pretty(document: Any) -> bytes:
    return msgspec.json.format(encode_state(document)) + b"\n"
