"""The rerun of a data folder: each recorded question put again, to this or to other code."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import UNSET, Raw, Struct, structs

from deadreckon.contracts import subjects
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Mode
from deadreckon.contracts.publishers import publisher_pattern
from deadreckon.contracts.timestamps import DAY, day_start
from deadreckon.replay.digests import combined_digest
from deadreckon.replay.opening import open_log
from deadreckon.replay.rerun.comparison import Divergence, ServiceTally
from deadreckon.replay.rerun.document import (
    AskedCode,
    FirstDivergence,
    RerunDocument,
    ServiceResult,
    divergence_state,
)
from deadreckon.replay.rerun.job.checkout import OURS, Checkout, checked_out
from deadreckon.replay.rerun.job.feeding import RerunOutcome, explain, rerun_log
from deadreckon.replay.rerun.job.protocol import RerunTask, ServiceStart
from deadreckon.replay.rerun.redecide import FOREVER
from deadreckon.replay.rerun.states import StateEffects, between
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import ChainLink
from deadreckon.runtime.service.snapshots import Snapshot, Snapshots, encode_state
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import BOOK, DECIDERS


class NothingAskedError(UsageError):
    """You named a day of which the log has nothing to ask these services."""


class RerunRequest(Struct, frozen=True):
    """The arguments of a rerun: whose log (a folder's, or that of `nats`), a UTC day or all, which
    services (none: every one that decides), and by which code."""

    data: Path
    nats: str | None = None
    day: str | None = None
    services: tuple[str, ...] = ()
    code: Path | None = None
    revision: str | None = None
    book: str = BOOK
    mode: Mode = "paper"


async def rerun(request: RerunRequest, *, shows: bool) -> RerunDocument:
    """Put the questions of a folder's log again; nothing is written to it.

    Raises CheckoutError, OtherCodeError, NothingAskedError, and the errors of a log
    that cannot be read.
    """
    opened = open_log(request.data, request.nats, "rerun", shows=shows)
    async with checked_out(request.code, request.revision) as code, opened as log:
        begun = time.perf_counter()
        task = await _task(request, log.bus, code)
        outcome = await rerun_log(log.bus, code, task, log.reading("asking again"))
        seconds = time.perf_counter() - begun
        if not any(tally.questions for tally in outcome.tallies):
            day = request.day or "any day"
            raise NothingAskedError(f"the log asks nobody anything on {day}")
        first = _first(outcome.tallies)
        shown = None
        if first is not None:
            shown = _with_state(first, await _look(log.bus, code, task, first))
    return document(request, code, outcome, shown, seconds)


async def _task(request: RerunRequest, bus: Bus, code: Checkout) -> RerunTask:
    services = [name for name in DECIDERS if not request.services or name in request.services]
    begin, end = (0, FOREVER) if request.day is None else (day_start(request.day), 0)
    anchored = StartPoints()
    if request.day is not None:
        end = begin + DAY
        if code is OURS and request.nats is None:
            anchored = await start_points(
                request.data, bus, services, request.book, request.mode, begin
            )
    return RerunTask(
        services=services,
        book=request.book,
        mode=request.mode,
        begin=begin,
        end=end,
        after=anchored.after,
        links=anchored.links,
        starts=anchored.starts,
        any_strategy_code=code is not OURS,
    )


def _first(tallies: Sequence[ServiceTally]) -> Divergence | None:
    """Find the first divergence of the log; at one event, that of the first service to answer."""
    found = [tally.first for tally in tallies if tally.first]
    return min(found, key=lambda each: (each.sequence, each.index), default=None)


async def _look(
    bus: Bus, code: Checkout, task: RerunTask, first: Divergence
) -> list[StateEffects | None]:
    """Ask for the effects of the first divergence on the state, by the code asked and by ours."""
    question = (first.service, first.sequence, first.index)
    codes = [code] if code is OURS else [code, OURS]
    wanted = structs.replace(
        task, services=[first.service], explains=question, whole=len(codes) > 1
    )
    return await explain(bus, codes, wanted)


def document(
    request: RerunRequest,
    code: Checkout,
    outcome: RerunOutcome,
    first: FirstDivergence | None,
    seconds: float,
) -> RerunDocument:
    """Build the document of a rerun."""
    tallies = outcome.tallies
    publishers = {subjects.parse(subject).service for subject in outcome.spoken}
    return RerunDocument(
        book=request.book,
        day=request.day or "all",
        code=AskedCode(code.name or "this program", code.revision, outcome.hello.version),
        messages=outcome.messages,
        equal=not any(tally.diverging for tally in tallies),
        questions=sum(tally.questions for tally in tallies),
        handled=sum(tally.handled for tally in tallies),
        answers=sum(tally.answers for tally in tallies),
        diverging=sum(tally.diverging for tally in tallies),
        digest=combined_digest({tally.service: tally.digest for tally in tallies}),
        services={tally.service: _service(tally) for tally in tallies},
        edges=sorted(
            name for name in publishers if name not in DECIDERS and publisher_pattern(name)
        ),
        first=first,
        seconds=round(seconds, 3),
    )


def _service(tally: ServiceTally) -> ServiceResult:
    return ServiceResult(
        questions=tally.questions,
        handled=tally.handled,
        answers=tally.answers,
        digest=tally.digest,
        diverging=tally.diverging,
        kinds=dict(sorted(tally.kinds.items())),
        broken=tally.broken,
        due=tally.due,
        unasked=tally.unasked,
    )


def _with_state(first: Divergence, effects: Sequence[StateEffects | None]) -> FirstDivergence:
    """Add the state to a divergence; `effects` are those of the code asked, then of this one."""
    state = divergence_state(effects[0]) if effects and effects[0] is not None else UNSET
    if state is not UNSET and len(effects) == 2 and effects[0] and effects[1] is not None:
        differences = between(effects[1], effects[0])
        state = structs.replace(state, remembered_differently=differences)
    return FirstDivergence(**structs.asdict(first), state=state)


class StartPoints(Struct, frozen=True):
    """The states that services begin from, and the message after which the log is sent to them."""

    after: int = 0
    links: dict[str, ChainLink] = {}
    starts: dict[str, ServiceStart] = {}


async def start_points(
    data: Path, bus: Bus, services: Iterable[str], book: str, mode: Mode, before: int
) -> StartPoints:
    """Find the snapshots from before a moment (nanoseconds UTC) that fit log and program.

    A service without one begins at the log's first message.
    """
    found: dict[str, Snapshot] = {}
    wanted = list(services)
    stores = Snapshots(data)
    for name in wanted:
        shape = type(decider(name).initial())
        snapshot_store = stores.snapshot_store(name, book, mode, [DECIDERS[name]], shape)
        snapshot = await snapshot_store.load(bus)
        if snapshot is not None and snapshot.ingress.now < before:
            found[name] = snapshot
    starts = {
        name: ServiceStart(
            each.position.n, each.position.covered, each.ingress, Raw(encode_state(each.state))
        )
        for name, each in found.items()
    }
    if len(found) < len(wanted):
        return StartPoints(starts=starts)
    least = min(found.values(), key=lambda each: each.position.covered)
    links = {f"{of}.{service}": link for (of, service), link in least.links.items()}
    return StartPoints(least.position.covered, links, starts)
