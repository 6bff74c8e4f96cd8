"""Real markets, played in memory and asked again: every answer is given again."""

from pathlib import Path

import pytest

from deadreckon import __version__
from deadreckon.replay.play import TapePlayer
from deadreckon.replay.rerun.rerun import Rerun
from deadreckon.replay.tapes.tape import Tape, load_or_import
from deadreckon.runtime.bus import Stored
from deadreckon.runtime.feed import Decoding, Feed
from deadreckon.runtime.memory import MemoryBus
from deadreckon.runtime.turns import LocalPlayer, Round
from deadreckon.stack.assembly import BOOK, RANK, assemble, decider
from deadreckon.stack.setup import set_up
from tests.conftest import TAPES

ROWS = 1_500  # of each: long enough that both strategies trade
FILES = sorted(TAPES.iterdir()) if TAPES.is_dir() else []


async def played(tape: Tape) -> list[Stored]:
    """The log of the first rows of a tape."""
    bus = MemoryBus()
    feed = Feed(bus)
    services = assemble(RANK, bus, feed, book=BOOK, mode="paper")
    turns = Round([LocalPlayer(service) for service in services], feed)
    player = TapePlayer(bus, feed, tape, turns, mode="paper", code=__version__)

    def enough(rows: int) -> None:
        player.stopping = rows >= ROWS

    await feed.start()
    for service in services:
        await service.recall()
    await player.recall()
    await player.open()
    await set_up(bus, BOOK, tape.header)
    await player.play(None, enough)
    await feed.stop()
    return bus.log.messages


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason=f"no real market data: {TAPES.name}/ is not there")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_answer_on_a_real_tape_is_given_again(path: Path, tmp_path: Path) -> None:
    symbol = path.name.split("-")[0].upper().replace("_", "")
    tape = load_or_import(path, f"{symbol}.PAPER", tmp_path)
    log = await played(tape)
    rerun = Rerun({name: decider(name) for name in RANK})
    decoding = Decoding()
    for stored in log:
        rerun.take(decoding.decode(stored))
    tallies = rerun.end()
    assert [tally.first for tally in tallies if tally.first] == []
    assert all(tally.questions >= min(ROWS, tape.header.rows) for tally in tallies)
