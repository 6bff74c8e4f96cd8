"""The PnL of sealed days: the audit's own figures, from columns, or a clear refusal."""

import json
import os
import random
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import msgspec
import pytest
from msgspec import to_builtins

from deadreckon.accounting.columnar import totals
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.accounting.postings import ImpossibleFillError
from deadreckon.archive.location import FOLDER
from deadreckon.archive.segments import Archive, ArchiveError, write_log
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.event import Event
from deadreckon.contracts.fields import Side
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.subjects import operator_subject
from deadreckon.contracts.timestamps import DAY, day_of
from deadreckon.replay.audit.audit import Audit
from deadreckon.replay.audit.figures import statement
from deadreckon.replay.pnl import sealed
from deadreckon.replay.pnl.job import NotSealedError, sealed_pnl
from deadreckon.replay.pnl.sealed import SealedLedger
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding
from deadreckon.runtime.process.folder import Folder
from tests.conftest import PATIENCE
from tests.stories import (
    START,
    bar,
    currency_rate,
    deposit,
    filled,
    funding_rate,
    late_fee,
    listed,
    marked,
    reporting,
    withdraw,
)
from tests.support.archived_logs import KEY
from tests.support.forked_verbs import run_forked
from tests.support.messages import StoredLog

ROOT = Path(__file__).parents[2]
SPOT, PERPETUAL, OTHER = "BTCUSDT.PAPER", "BTCUSDT-PERP.PAPER", "ETHEUR.KRAKEN"
SAME = ("fills", "pnl", "by_strategy", "by_venue", "by_instrument", "positions", "unpriced")


class RecordedTrading:
    """A log that somebody else might have recorded."""

    def __init__(self) -> None:
        self.log = StoredLog()
        self.now = START

    def say(self, event: Event, id: str = "") -> None:
        """An operator's fact."""
        fact = write_fact(id or f"fact-{len(self.log.stored)}", NAMES[type(event)], event)
        self.log.put(operator_subject("desk", "ann"), fact)

    def market(self, event: Event, later: int = 0) -> None:
        self.now += later
        self.log.market(event, self.now)

    def fill(self, *events: Event) -> None:
        self.log.commit("fill", *events, when=self.now)

    def set_up(self) -> "RecordedTrading":
        self.say(listed(SPOT))
        self.say(listed(PERPETUAL, kind="perpetual", lot="1", contract="0.001"))
        self.say(listed(OTHER, base="ETH", quote="EUR", tick="1", lot="1"))
        self.say(reporting())
        self.say(deposit(1_000_000))
        self.market(bar(100))
        return self

    def sealed(self, root: Path) -> Archive:
        write_log(root, self.log.stored)
        return Archive(root)


def audited(stored: list[Stored], day: str | None) -> tuple[dict[str, Any], Ledger]:
    """The statement, one event at a time, and the ledger it ends with."""
    audit = Audit("desk", "paper", day)
    decoding = Decoding()
    for message in stored:
        audit.fold(decoding.decode(message))
    return to_builtins(statement(audit, "desk", day)), audit._ledger


def plain(book: Ledger) -> dict[str, Any]:
    """All of a ledger but what it remembers of trades, and when a mark was said."""
    found: dict[str, Any] = msgspec.to_builtins(book)
    left_out = ("trades", "newest_fill", "marks")
    return {name: value for name, value in found.items() if name not in left_out}


def prices(book: Ledger) -> dict[str, Decimal]:
    return {instrument: mark.price for instrument, mark in book.marks.items()}


def agree(trading: RecordedTrading, root: Path) -> Archive:
    """Each day, and everything, as the audit has it."""
    archive = trading.sealed(root)
    for day in (None, *dict.fromkeys(each.day for each in archive.manifests)):
        told, book = audited(trading.log.stored, day)
        found = to_builtins(sealed_pnl(archive, "desk", day))
        assert found["fills"] + found["repeated_fills"] == told["fills"]
        for name in SAME[1:]:
            assert found[name] == told[name], (day, name)
        for name in ("opening", "deposited", "closing"):
            assert found["equity"][name] == told["equity"][name], (day, name)
        if day is None:
            last = archive.manifests[-1].number
            found_book = SealedLedger(archive, "desk", last).upto(last)
            assert plain(found_book) == plain(book)
            assert prices(found_book) == prices(book)
    return archive


def something(trading: RecordedTrading, chance: random.Random) -> None:
    """Mostly fills of all sizes, and everything else that moves a book."""
    strategy = chance.choice(["cross", "regime", "ext"])
    instrument = chance.choice([SPOT, PERPETUAL, OTHER])
    price = Decimal(chance.randrange(90_00, 110_00)).scaleb(-chance.choice([0, 1, 2, 2, 2, 5]))
    kind = chance.random()
    if kind < 0.7:
        number = chance.choice([f"t{len(trading.log.stored)}", f"t{chance.randrange(30)}"])
        fee = Decimal(chance.randrange(-5, 100)).scaleb(-chance.randrange(8))
        quantity = Decimal(chance.randrange(1, 5_000)).scaleb(-chance.choice([0, 1, 3, 3]))
        trading.fill(
            filled(
                chance.choice(["buy", "sell"]),
                str(quantity),
                str(price),
                id=number,
                strategy=strategy,
                instrument=instrument,
                fee=str(fee),
                fee_currency=chance.choice(["USDT", "USDT", "BTC", "EUR"]),
            )
        )
    elif kind < 0.85:
        trading.market(bar(str(price), instrument=instrument), later=chance.randrange(DAY // 10))
    elif kind < 0.88:
        trading.market(funding_rate("0.0001", str(price), PERPETUAL))
    elif kind < 0.90:
        trading.market(currency_rate("EUR", str(price)))
    elif kind < 0.92:
        trading.say(late_fee("1.5", strategy=strategy, instrument=instrument))
    elif kind < 0.94:
        trading.say(marked(str(price), instrument))
    elif kind < 0.96:
        trading.say(chance.choice([deposit(100), withdraw(50)]), id=f"cash-{chance.randrange(40)}")
    elif kind < 0.98:
        trading.say(funding_rate("-0.0002", str(price), PERPETUAL))
    else:
        trading.say(listed(SPOT, tick=chance.choice(["0.01", "0.1", "0.0001"])))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("most", "worthwhile"), [(4_000_000, 1), (60, 1), (4_000_000, 10_000)])
@pytest.mark.slow
def test_sealed_days_have_the_figures_of_the_audit_and_the_ledger_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, most: int, worthwhile: int
) -> None:
    """Repeated trades, finer prices, ticks that change, funding, late fees, rates; also where
    only a few fills fit into memory at once."""
    monkeypatch.setattr(sealed, "ROWS_MAX", most)
    monkeypatch.setattr(totals, "WORTHWHILE", worthwhile)
    monkeypatch.setattr(totals, "LAST_SHARE", 4)
    chance = random.Random(seed)
    trading = RecordedTrading().set_up()
    for _ in range(600):
        something(trading, chance)
    archive = agree(trading, tmp_path / "archive")
    assert len({each.day for each in archive.manifests}) > 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("share", [1, 8, 10**9])
@pytest.mark.slow
def test_most_fills_are_only_summed_where_nothing_asks_for_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, share: int
) -> None:
    """A log of trades alone: what the last fills leave open is folded row by row."""
    monkeypatch.setattr(totals, "WORTHWHILE", 1)
    monkeypatch.setattr(totals, "LAST_SHARE", share)
    chance = random.Random(seed)
    trading = RecordedTrading().set_up()
    for number in range(400):
        if number % 40 == 20:
            trading.market(bar(100 + number), later=DAY // 6)
        price = Decimal(chance.randrange(9_000, 11_000)).scaleb(-chance.choice([0, 1, 2]))
        quantity = Decimal(chance.randrange(1, 900)).scaleb(-chance.choice([0, 1, 3]))
        side: Side = "buy" if chance.random() < 0.6 else "sell"
        strategy = chance.choice(["cross", "regime"])
        instrument = chance.choice([SPOT, SPOT, PERPETUAL])
        name = f"t{chance.randrange(number + 2)}"
        more: dict[str, Any] = {
            "id": name,
            "strategy": strategy,
            "instrument": instrument,
            "fee": f"0.{number}",
        }
        if instrument == PERPETUAL:
            quantity = Decimal(chance.randrange(1, 90))
        trading.fill(filled(side, str(quantity), str(price), **more))
    agree(trading, tmp_path / "archive")


def test_amounts_beyond_64_bits_are_folded_exactly(tmp_path: Path) -> None:
    """A price of 18 decimals and a quantity of 15 digits are no integers of one int64."""
    trading = RecordedTrading().set_up()
    for number in range(60):
        side: Side = "buy" if number % 3 else "sell"
        trading.fill(
            filled(side, "0.3", "100", id=f"a{number}"),
            filled(side, "123456789012345.123456", f"1.{number + 1:018}", id=f"b{number}"),
            filled(side, "900000000000", "90000", id=f"c{number}", instrument=PERPETUAL, fee="7"),
        )
    archive = agree(trading, tmp_path / "archive")
    realised = sealed_pnl(archive, "desk", None).pnl.realised
    assert len(realised.partition(".")[2]) > 20, "no digit was lost"
    alone = RecordedTrading().set_up()
    alone.fill(*(filled("buy", "1e15", 1, id=f"t{number}", fee="1e15") for number in range(90)))
    agree(alone, tmp_path / "alone")


@pytest.mark.slow
def test_a_trade_reported_again_counts_once_until_the_ledger_forgets_it(tmp_path: Path) -> None:
    """Seven days on, and in other ranges: the days in between are no less sealed."""
    trading = RecordedTrading().set_up()
    for day in range(11):
        trading.market(bar(100 + day), later=DAY if day else 1)
        trading.fill(filled("buy", 1, 100, id=f"own-{day}"), filled("buy", 1, 100, id="again"))
    archive = agree(trading, tmp_path / "archive")
    assert len(archive.manifests) == 11
    found = to_builtins(sealed_pnl(archive, "desk", None))
    assert (found["fills"], found["repeated_fills"]) == (13, 9)
    assert found["positions"][0]["closing_quantity"] == "13"


def test_a_fill_of_what_was_never_listed_is_named(tmp_path: Path) -> None:
    trading = RecordedTrading().set_up()
    trading.fill(filled("buy", 1, 100, instrument="DOGE.PAPER"))
    archive = trading.sealed(tmp_path / "archive")
    with pytest.raises(ImpossibleFillError, match=r"message 7: DOGE\.PAPER was never listed"):
        sealed_pnl(archive, "desk", None)


@pytest.mark.parametrize("family", ["fills", "marks", "messages"])
def test_nothing_is_taken_from_a_file_that_is_not_the_sealed_one(
    tmp_path: Path, family: str
) -> None:
    trading = RecordedTrading().set_up()
    trading.fill(filled("buy", 1, 100))
    archive = trading.sealed(tmp_path / "archive")
    [path, *_] = archive.paths(family)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ArchiveError, match=str(path)):
        sealed_pnl(Archive(archive.root), "desk", None)


def test_a_day_that_is_not_sealed_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(NotSealedError, match="nothing is sealed"):
        sealed_pnl(Archive(tmp_path / "none"), "desk", None)
    trading = RecordedTrading().set_up()
    archive = trading.sealed(tmp_path / "archive")
    with pytest.raises(NotSealedError, match="dr archive seal 2031-01-01"):
        sealed_pnl(archive, "desk", "2031-01-01")


@pytest.mark.slow
def test_the_verb_tells_figures_and_where_they_come_from(tmp_path: Path) -> None:
    trading = RecordedTrading().set_up()
    trading.fill(filled("buy", 2, 100, fee="0.5"))
    trading.market(bar(110), later=1)
    folder = Folder(tmp_path / "data").create()
    archive = trading.sealed(folder.root / FOLDER)
    told = _pnl(folder.root, "--all", "--json")
    found = json.loads(told.stdout)
    assert found["pnl"]["net"] == "19.5"
    assert [each["root"] for each in found["ranges"]] == [archive.manifests[0].root]
    assert archive.manifests[0].root in _pnl(folder.root, day_of(START)).stdout
    wrong = _pnl(folder.root, "2031-01-01")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.count("\n") == 1


@pytest.mark.slow
def test_where_the_archive_ends_it_is_told_that_later_is_not_in_the_figures(
    tmp_path: Path,
) -> None:
    trading = RecordedTrading().set_up()
    trading.fill(filled("buy", 2, 100))
    for _ in range(2):
        trading.market(bar(110), later=DAY)
    for name, key in (("recorded", KEY), ("made", None)):
        write_log(Folder(tmp_path / name).create().root / FOLDER, trading.log.stored, key)
    last = len(trading.log.stored)

    told = f"sealed up to sequence {last:,}; what the log said later is not in here"
    assert told in _pnl(tmp_path / "recorded", "--all").stdout
    assert told in _pnl(tmp_path / "recorded", day_of(START + 2 * DAY)).stdout
    assert "not in here" not in _pnl(tmp_path / "recorded", day_of(START)).stdout
    assert "not in here" not in _pnl(tmp_path / "made", "--all").stdout
    found = json.loads(_pnl(tmp_path / "recorded", day_of(START), "--json").stdout)
    assert (found["last_sequence"], found["sealed_up_to"]) == (last - 2, last)


def _pnl(data: Path, *words: str) -> CompletedProcess[str]:
    return run_forked(("replay", "pnl", *words, "--data", str(data)), ROOT, os.environ, PATIENCE)
