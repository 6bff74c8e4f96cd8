"""The same doors on a real nats-server, as producers and operators have them, with their keys."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.subjects import operator_subject, producer_subject
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.runtime.log.bus import Stored, TooLargeError
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role
from deadreckon.runtime.server.rights import OPERATOR
from deadreckon.services.catalogue import BOOK
from tests.conftest import PATIENCE
from tests.end_to_end.conftest import Dr, until
from tests.fuzz.budget import SEED, share
from tests.fuzz.samples import ENTRY
from tests.fuzz.target import check_answers
from tests.fuzz.test_inbound import bad_facts, bad_signals

INSTRUMENT = "BTCUSD-PERP.PAPER"
DOORS = {  # every fifth message is an operator's
    producer_role("cli"): (producer_subject(BOOK, "cli"), bad_signals, share(4) * 4 // 5),
    OPERATOR: (operator_subject(BOOK, "cli"), bad_facts, share(4) // 5),
}


@pytest.fixture
def dr(tmp_path: Path) -> Iterator[Dr]:
    verbs = Dr(tmp_path)
    yield verbs
    verbs.end()


def sound(number: int, now: int) -> bytes:
    more = {"id": f"sound-{number}", "instrument": INSTRUMENT, "at": format_timestamp(now)}
    return json.dumps(ENTRY | more).encode()


async def throw(data: Path) -> int:
    """Bad messages through both doors, a sound wish behind each; how many wishes."""
    good = too_large = 0
    async with open_bus(Folder(data).check(), None, producer_role("cli")) as producer:
        for role, (subject, made, count) in DOORS.items():
            async with open_bus(Folder(data).check(), None, role) as bus:
                for payload in made(f"nats/{SEED}", 0, count):
                    try:
                        await bus.append(subject, payload)
                    except TooLargeError:  # the sender is told, and nothing is stored
                        too_large += 1
                    good += 1
                    signal = sound(good, 1_767_225_600_000_000_000)
                    await producer.append(producer_subject(BOOK, "cli"), signal)
    return good


async def stored(data: Path) -> list[Stored]:
    async with open_bus(Folder(data).check()) as bus:
        reader, last = await bus.read(0), (await bus.info()).last
        found: list[Stored] = []
        while len(found) < last:
            found += await reader.next(1.0)
        return found


def test_a_running_stack_answers_everything_in_order_and_its_books_agree(dr: Dr) -> None:
    tape = dr.folder / "tape.parquet"
    synth = ("tape", "synth", "--seed", "7", "--bars", "600", "--instrument", INSTRUMENT)
    dr.run(*synth, "--output", str(tape))
    played = ("--tape", str(tape), "--instrument", INSTRUMENT, "--no-web", "--data", "run")
    stack = dr.start("demo", *played, "--speed", "60", "--json")
    until(lambda: (dr.folder / "run" / "audit.sqlite").exists(), "the stack")
    dr.run("producer", "add", "cli", "--data", "run", code=None)
    good = asyncio.run(throw(dr.folder / "run"))

    def answered() -> bool:
        assert stack.poll() is None
        log = asyncio.run(stored(dr.folder / "run"))
        return f'"sound-{good}"'.encode() in log[-1].payload or any(
            f'"signal_id":"sound-{good}"'.encode() in it.payload for it in log[-50:]
        )

    until(answered, "the last answer")
    stack.terminate()
    stack.wait(PATIENCE)
    log = asyncio.run(stored(dr.folder / "run"))
    rules = check_answers(log, good)
    assert len(rules) > 10
    assert "agree with the log" in dr.run("verify", "--data", "run")
    dr.run("replay", "audit", "--all", "--data", "run")
