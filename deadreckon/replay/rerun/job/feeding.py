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
    """Outcome of a rerun: tallies in rank order, the programs that answered, the messages read.

    `spoken` counts the messages of each domain of the log.
    """

    tallies: list[ServiceTally]
    hello: Hello
    messages: int
    spoken: dict[str, int] = field(default_factory=dict)


async def rerun_log(bus: Bus, code: Checkout, task: RerunTask, progress: Progress) -> RerunOutcome:
    """Put the questions of a task to some code, in two processes where that is worth it."""
    end = (await retry(bus.info)).last
    parts = _split(task.services, end - task.after)
    processes = [RerunProcess(code, structs.replace(task, services=part)) for part in parts]
    spoken = await _feed(bus, processes, task.after, end, progress)
    tallies = {
        tally.service: tally
        for process in processes
        if isinstance(process.answer, Ended)
        for tally in process.answer.tallies
    }
    found = [tallies[name] for name in task.services]
    return RerunOutcome(found, processes[0].hello, sum(spoken.values()), spoken)


async def explain(
    bus: Bus, codes: Sequence[Checkout], task: RerunTask
) -> list[StateEffects | None]:
    """Explain what one question does with each of these codes; null where it was not met."""
    processes = [RerunProcess(code, task) for code in codes]
    end = (await retry(bus.info)).last
    await _feed(bus, processes, task.after, end)
    return [
        process.answer.effects if isinstance(process.answer, Explained) else None
        for process in processes
    ]


async def _feed(
    bus: Bus,
    processes: Sequence[RerunProcess],
    after: int,
    end: int,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Send each process the log after a message; returns the number of messages by subject."""
    spoken: dict[str, int] = {}
    try:
        await asyncio.gather(*(process.start() for process in processes))
        reader = await bus.read(after)
        try:
            done = after
            while done < end and not all(process.closed for process in processes):
                batch = [each for each in await reader.next(1.0) if each.sequence <= end]
                for stored in batch:
                    spoken[stored.subject] = spoken.get(stored.subject, 0) + 1
                    done = stored.sequence
                content = b"".join(map(pack, batch))
                await asyncio.gather(*(process.feed(content) for process in processes))
                if progress:
                    progress(done, end)
        finally:
            await reader.close()
        for process in processes:
            process.close()
        for process in processes:
            await process.finish()
    finally:
        for process in processes:
            await process.end()
    return spoken


def _split(services: list[str], messages: int) -> list[list[str]]:
    """Split the services between processes, the work about equal."""
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
