"""A folder's log asked again, as the verb does it: the document that it shows."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts import subjects
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Mode
from deadreckon.contracts.publishers import publisher_pattern
from deadreckon.contracts.timestamps import DAY, day_start
from deadreckon.replay.audit.job import progress_bar
from deadreckon.replay.digests import combined_digest
from deadreckon.replay.rerun.comparison import Divergence, ServiceTally
from deadreckon.replay.rerun.job.anchors import StartPoints, start_points
from deadreckon.replay.rerun.job.checkout import OURS, Checkout, checked_out
from deadreckon.replay.rerun.job.feeding import RerunOutcome, explain, rerun_log
from deadreckon.replay.rerun.job.protocol import RerunTask
from deadreckon.replay.rerun.redecide import FOREVER
from deadreckon.replay.rerun.states import StateEffects, between
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.folder import Folder
from deadreckon.services.catalogue import BOOK, DECIDERS
from deadreckon.strategies.loading import use_folder

Document = dict[str, Any]


class NothingAskedError(UsageError):
    """You named a day of which the log has nothing to ask these services."""


class RerunRequest(Struct, frozen=True):
    """What to ask again: the log of a folder (or of `nats`), a UTC day or all, which services, by
    whose code. No service means every one that decides."""

    data: Path
    nats: str | None = None
    day: str | None = None
    services: tuple[str, ...] = ()
    code: Path | None = None
    revision: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def rerun(wish: RerunRequest, *, shows: bool) -> Document:
    """Ask a folder's log again; nothing is written to it.

    Raises CheckoutError, OtherCodeError, NothingAskedError, and what a log raises that cannot be
    read.
    """
    folder = Folder(wish.data).check()
    use_folder(wish.data)
    log_lines.configure(folder.logs / "rerun.log")
    async with checked_out(wish.code, wish.revision) as code, open_bus(folder, wish.nats) as bus:
        begun = time.perf_counter()
        task = await _task(wish, bus, code)
        with progress_bar(shows) as bar:
            shown = bar.add_task("asking again", total=(await bus.info()).last or 1)
            outcome = await rerun_log(
                bus, code, task, lambda done, end: bar.update(shown, completed=done, total=end)
            )
        seconds = time.perf_counter() - begun
        if not any(tally.questions for tally in outcome.tallies):
            raise NothingAskedError(f"the log asks nobody anything on {wish.day or 'any day'}")
        first = _first(outcome.tallies)
        looked = await _look(bus, code, task, first) if first else []
    return document(wish, code, outcome, first, looked) | {"seconds": round(seconds, 3)}


async def _task(wish: RerunRequest, bus: Bus, code: Checkout) -> RerunTask:
    services = [name for name in DECIDERS if not wish.services or name in wish.services]
    begin, end = (0, FOREVER) if wish.day is None else (day_start(wish.day), 0)
    anchored = StartPoints()
    if wish.day is not None:
        end = begin + DAY
        if code is OURS and wish.nats is None:
            anchored = await start_points(wish.data, bus, services, wish.book, wish.mode, begin)
    return RerunTask(
        services=services,
        book=wish.book,
        mode=wish.mode,
        begin=begin,
        end=end,
        place=anchored.place,
        links=anchored.links,
        starts=anchored.starts,
        any_strategy_code=code is not OURS,
    )


def _first(tallies: Sequence[ServiceTally]) -> Divergence | None:
    """The first divergence of the log; of those at one place, the service that answers first."""
    found = [tally.first for tally in tallies if tally.first]
    return min(found, key=lambda each: (each.sequence, each.index), default=None)


async def _look(
    bus: Bus, code: Checkout, task: RerunTask, first: Divergence
) -> list[StateEffects | None]:
    """What the first divergence does to the state, by the code asked and by this program's."""
    place = (first.service, first.sequence, first.index)
    codes = [code] if code is OURS else [code, OURS]
    wanted = msgspec.structs.replace(
        task, services=[first.service], explains=place, whole=len(codes) > 1
    )
    return await explain(bus, codes, wanted)


def document(
    wish: RerunRequest,
    code: Checkout,
    outcome: RerunOutcome,
    first: Divergence | None,
    looked: Sequence[StateEffects | None],
) -> Document:
    """All that is known, keys in a fixed order."""
    tallies = outcome.tallies
    heard = {subjects.parse(subject).service for subject in outcome.spoken}
    return {
        "book": wish.book,
        "day": wish.day or "all",
        "code": {
            "name": code.name or "this program",
            "revision": code.revision,
            "version": outcome.hello.version,
        },
        "messages": outcome.messages,
        "equal": not any(tally.diverging for tally in tallies),
        "questions": sum(tally.questions for tally in tallies),
        "heeded": sum(tally.heeded for tally in tallies),
        "answers": sum(tally.answers for tally in tallies),
        "diverging": sum(tally.diverging for tally in tallies),
        "digest": combined_digest({tally.service: tally.digest for tally in tallies}),
        "services": {tally.service: _service(tally) for tally in tallies},
        "edges": sorted(name for name in heard if name not in DECIDERS and publisher_pattern(name)),
        "first": _shown(first, looked) if first else None,
    }


def _service(tally: ServiceTally) -> Document:
    shown: Document = msgspec.to_builtins(msgspec.structs.replace(tally, first=None))
    del shown["service"], shown["first"]
    return shown | {"kinds": dict(sorted(tally.kinds.items()))}


def _shown(first: Divergence, looked: Sequence[StateEffects | None]) -> Document:
    shown: Document = msgspec.json.decode(msgspec.json.encode(first))
    for found in looked[:1]:
        if found is not None:
            effects: Document = msgspec.to_builtins(found)
            del effects["paths"]
            shown["state"] = effects
    if len(looked) == 2 and looked[0] is not None and looked[1] is not None:
        otherwise = between(looked[1], looked[0])
        shown["state"]["remembered_otherwise"] = msgspec.to_builtins(otherwise)
    return shown
