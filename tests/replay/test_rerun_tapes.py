"""Real markets and an invented one, played in memory: asked again, they answer the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from deadreckon import __version__
from deadreckon.contracts.amounts import canonical, text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.subjects import producer_subject
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape
from deadreckon.node.demo_setup import instrument, set_up
from deadreckon.node.demo_sizes import tape_sizes
from deadreckon.replay.rerun.rerun import Rerun
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding, Feed
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.runtime.service.turns import LocalTurnTaker, Round
from deadreckon.services.assembly import assemble, decider
from deadreckon.services.catalogue import BOOK, RANK
from deadreckon.services.market.tape_player import TapePlayer
from tests.conftest import TAPES
from tests.support.market_bounds import lies_within

ROWS = 800  # of each
QUIET = 50  # of them before somebody wishes something
WISHES = (
    {"strategy": "one", "side": "buy", "notional": "4000"},
    {"strategy": "two", "side": "sell", "notional": "4000"},
    {"strategy": "three", "side": "buy", "notional": "0.01"},
    {"strategy": "four", "side": "buy", "notional": "1000000"},
)
FILES = sorted(TAPES.iterdir()) if TAPES.is_dir() else []


async def played(tape: Tape) -> list[Stored]:
    """The log of the first rows of a tape."""
    bus = MemoryBus()
    feed = Feed(bus)
    services = assemble(RANK, bus, feed, book=BOOK, mode="paper")
    turns = Round([LocalTurnTaker(service) for service in services], feed)
    player = TapePlayer(bus, feed, tape, turns, mode="paper", code=__version__)

    def until(end: int) -> Callable[[int], None]:
        player.stopping = False

        def stop(rows: int) -> None:
            player.stopping = rows >= end

        return stop

    await feed.start()
    for service in services:
        await service.replay()
    await player.replay()
    await player.open()
    sizes = tape_sizes(tape, instrument(tape.header))
    await set_up(bus, BOOK, tape.header, sizes=sizes)
    await player.play(None, until(QUIET))
    for number, signal in enumerate(WISHES):  # whether our strategies like this market or not
        common = {"id": f"{number}", "instrument": tape.header.instrument}
        sent = common | {"at": format_timestamp(player.played.at), "confidence": "1"} | signal
        if signal["notional"] == "4000":
            sent["notional"] = text(canonical(4_000 * sizes.scale))
        await bus.append(producer_subject(BOOK, "alice"), msgspec.json.encode(sent))
    await player.play(None, until(ROWS))
    await feed.stop()
    return bus.log.messages


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason=f"no real market data: {TAPES.name}/ is not there")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
async def test_every_answer_on_a_real_tape_is_given_again(path: Path, tmp_path: Path) -> None:
    symbol = path.name.split("-")[0].upper().replace("_", "")
    tape = load_or_import(path, f"{symbol}.PAPER", tmp_path)
    assert await answers_given_again(tape) > len(WISHES)


async def test_every_answer_on_an_invented_market_is_given_again(tmp_path: Path) -> None:
    recipe = Recipe(seed=7, bars=2 * ROWS)
    tape = synthesise(recipe, "BTCUSDT.PAPER", tmp_path / "invented.parquet")
    assert await answers_given_again(tape) > len(WISHES)


async def answers_given_again(tape: Tape) -> int:
    """How many answers the log of a tape has, all of which are given again."""
    log = await played(tape)
    _fills_lie_within_the_market(log)
    rerun = Rerun({name: decider(name) for name in RANK})
    decoding = Decoding()
    for stored in log:
        rerun.take(decoding.decode(stored))
    tallies = rerun.end()
    assert [tally.first for tally in tallies if tally.first] == []
    assert all(tally.questions >= min(ROWS, tape.header.rows) for tally in tallies)
    return sum(tally.answers for tally in tallies)


def _fills_lie_within_the_market(log: list[Stored]) -> None:
    """Every fill of the log against the bar, quote or print that it answers."""
    decoding = Decoding()
    ingress = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    read = [ingress.records_of(decoding.decode(stored)) for stored in log]
    records: dict[str | None, Recorded[Any]] = {r.id: r for found in read for r in found}
    terms = {type(r.event): r.event for r in records.values()}
    tick, slippage = terms[InstrumentListed].tick_size, terms[VenueConfigured].slippage_bps
    fills = [r for r in records.values() if isinstance(r.event, OrderFilled)]
    assert fills
    for fill in fills:
        assert lies_within(fill.event, records[fill.cause].event, slippage, tick), fill
