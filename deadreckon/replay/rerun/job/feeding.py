"""Feeds a log to the processes that ask again, and adds up what they say."""

import asyncio
import os
from collections.abc import Callable, Sequence

from msgspec import Struct, field, structs

from deadreckon.replay.rerun.comparison import ServiceTally
from deadreckon.replay.rerun.job.checkout import Checkout
from deadreckon.replay.rerun.job.process import RerunProcess
from deadreckon.replay.rerun.job.protocol import Ended, Explained, Hello, RerunTask, pack
from deadreckon.replay.rerun.states import StateEffects
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry

Progress = Callable[[int, int], None]

# How long each takes on a month of bars with both strategies, in parts of the whole.
WEIGHTS = {"trainer": 70, "signal": 20, "risk": 3, "portfolio": 3, "fill": 2, "governance": 2}
PROCESSES_MAX = 2  # the services other than trainer take less time together than that one alone
SPLIT_FROM = 3_000  # messages: a second process takes a third of a second to start


class RerunOutcome(Struct):
    """What became of a rerun: tallies in rank order, who answered, what was read. `spoken` counts
    the messages of each domain of the log."""

    tallies: list[ServiceTally]
    hello: Hello
    messages: int
    spoken: dict[str, int] = field(default_factory=dict)


async def rerun_log(bus: Bus, code: Checkout, task: RerunTask, progress: Progress) -> RerunOutcome:
    """Put the questions of a task to some code, in two processes where that is worth it."""
    end = (await retry(bus.info)).last
    parts = _split(task.services, end - task.place)
    askings = [RerunProcess(code, structs.replace(task, services=part)) for part in parts]
    spoken = await _told(bus, askings, task.place, end, progress)
    tallies = {
        tally.service: tally
        for asking in askings
        if isinstance(asking.answer, Ended)
        for tally in asking.answer.tallies
    }
    found = [tallies[name] for name in task.services]
    return RerunOutcome(found, askings[0].hello, sum(spoken.values()), spoken)


async def explain(
    bus: Bus, codes: Sequence[Checkout], task: RerunTask
) -> list[StateEffects | None]:
    """What one question does, by each of these codes; null where it was not met."""
    askings = [RerunProcess(code, task) for code in codes]
    end = (await retry(bus.info)).last
    await _told(bus, askings, task.place, end)
    return [
        asking.answer.effects if isinstance(asking.answer, Explained) else None
        for asking in askings
    ]


async def _told(
    bus: Bus,
    askings: Sequence[RerunProcess],
    place: int,
    end: int,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Tell each of them the log after a place; how many messages each domain has in it."""
    spoken: dict[str, int] = {}
    try:
        await asyncio.gather(*(asking.start() for asking in askings))
        reader = await bus.read(place)
        try:
            done = place
            while done < end and not all(asking.closed for asking in askings):
                batch = [each for each in await reader.next(1.0) if each.sequence <= end]
                for stored in batch:
                    spoken[stored.subject] = spoken.get(stored.subject, 0) + 1
                    done = stored.sequence
                content = b"".join(map(pack, batch))
                await asyncio.gather(*(asking.feed(content) for asking in askings))
                if progress:
                    progress(done, end)
        finally:
            await reader.close()
        for asking in askings:
            asking.close()
        for asking in askings:
            await asking.finish()
    finally:
        for asking in askings:
            await asking.end()
    return spoken


def _split(services: list[str], messages: int) -> list[list[str]]:
    """The services of each process, the work about equal."""
    count = min(PROCESSES_MAX, os.cpu_count() or 1, len(services))
    if messages < SPLIT_FROM:
        count = 1
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for name in sorted(services, key=lambda each: -WEIGHTS.get(each, 1)):
        lightest = loads.index(min(loads))
        parts[lightest].append(name)
        loads[lightest] += WEIGHTS.get(name, 1)
    return parts
