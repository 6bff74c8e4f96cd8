"""Invented archives to fold: files of fills, and a whole day of a busy book."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy
import polars
from msgspec import structs

from deadreckon.accounting import ledger
from deadreckon.accounting.ledger_state import Ledger
from deadreckon.archive.typed_columns import columns
from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import encode_commit, wrap
from deadreckon.contracts.envelope import Commit, digest
from deadreckon.contracts.event import Event, Recorded
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import CashDeposited, ReportingConfigured
from deadreckon.contracts.subjects import SHARED, commit_subject, operator_subject
from deadreckon.contracts.timestamps import DAY
from deadreckon.runtime.log.bus import Stored
from deadreckon.services.catalogue import BOOK
from deadreckon.tools.bench.market import filled, listing
from deadreckon.tools.bench.recording import BEGIN

STRATEGIES = tuple(f"strategy-{number}" for number in range(10))
INSTRUMENTS = tuple(f"COIN{number}USDT.PAPER" for number in range(20))
SCALES = {"quantity": 4, "price": 2, "fee": 6}
AT_ONCE = 100  # fills a commit


def listings() -> list[InstrumentListed]:
    """List every traded instrument: the bench's own under other names."""
    like = listing()
    lot, tick = (Decimal(1).scaleb(-SCALES[name]) for name in ("quantity", "price"))
    return [
        structs.replace(like, instrument=name, lot_size=lot, tick_size=tick) for name in INSTRUMENTS
    ]


def opened() -> Ledger:
    """Return a ledger in which all of it is listed."""
    book = ledger.initial()
    for event in listings():
        ledger.evolve(book, Recorded("x", BEGIN, BOOK, "paper", "op.bench", None, "x", event))
    return book


def fills(count: int, *, ends: bool = True) -> polars.DataFrame:
    """Generate fills of an archive's columns, of all strategies in all instruments in turns.

    A strategy goes in with two fills and out with two, again and again; where nothing `ends`, one
    more fill at the beginning sees to it that no position ever does.
    """
    random = numpy.random.default_rng(11)
    keys = len(STRATEGIES) * len(INSTRUMENTS)
    trips = -(-count // (4 * keys))
    adding = random.integers(2, 50_000, (keys, trips, 2))
    total = adding.sum(axis=2)
    first = random.integers(1, total)
    course = numpy.stack([adding[..., 0], adding[..., 1], -first, first - total], axis=2)
    course *= random.choice([-1, 1], (keys, 1, 1))
    if not ends:
        course[:, 0, 0] = numpy.sign(course[:, 0, 0]) * 100_000
    key = random.permutation(numpy.repeat(numpy.arange(keys), 4 * trips))
    signed = numpy.empty(len(key), dtype=numpy.int64)
    signed[numpy.argsort(key, kind="stable")] = course.reshape(-1)
    key, signed = key[:count], signed[:count]
    price = random.integers(1_000_000, 1_100_000, count)
    return _frame(key, signed, price, numpy.abs(signed) * price // 2_000, random.bytes(16 * count))


def _frame(key: Any, signed: Any, price: Any, fee: Any, noise: bytes) -> polars.DataFrame:
    count = len(key)
    amounts = {"quantity": numpy.abs(signed), "price": price, "fee": fee}
    found: dict[str, Any] = {
        "sequence": numpy.arange(1, count + 1),
        "index": numpy.zeros(count, dtype=numpy.int32),
        "at": BEGIN + numpy.arange(count) * (DAY // count),
        "strategy": numpy.array(STRATEGIES)[key // len(INSTRUMENTS)],
        "instrument": numpy.array(INSTRUMENTS)[key % len(INSTRUMENTS)],
        "venue": ["PAPER"] * count,
        "side": numpy.where(signed > 0, "buy", "sell"),
        "trade_id": [noise[16 * row : 16 * row + 16].hex() for row in range(count)],
        "fee_currency": ["USDT"] * count,
    }
    for name, units in amounts.items():
        found[f"{name}_units"], found[f"{name}_scale"] = _canonical(units, SCALES[name])
    shape = {name: columns("fills")[name] for name in found}
    return polars.DataFrame({name: list(value) for name, value in found.items()}, schema=shape)


def _canonical(units: Any, scale: int) -> tuple[Any, Any]:
    """Return amounts without trailing zeros, as events have them."""
    units, scales = units.copy(), numpy.full(len(units), scale, dtype=numpy.int16)
    for _ in range(scale):
        even = (units % 10 == 0) & (scales > 0)
        units[even] //= 10
        scales[even] -= 1
    return units, scales


def records_of(table: polars.DataFrame) -> Iterator[Recorded[OrderFilled]]:
    """Convert the rows back to the events they came from."""
    for number, row in enumerate(table.iter_rows(named=True)):
        quantity, price, fee = (
            Decimal(row[f"{name}_units"]).scaleb(-row[f"{name}_scale"]) for name in SCALES
        )
        event = filled(
            number,
            row["trade_id"],
            row["strategy"],
            row["instrument"],
            row["side"],
            quantity,
            price,
            fee,
        )
        yield Recorded(f"f{number}", row["at"], BOOK, "paper", "fill", None, f"f{number}", event)


class _Writer:
    """Commits of domains, linked as services link them."""

    def __init__(self) -> None:
        self.sequence = 0
        self._links: dict[str, tuple[int, str]] = {}

    def fact(self, event: Event) -> Stored:
        self.sequence += 1
        payload = write_fact(f"bench-{self.sequence}", NAMES[type(event)], event)
        return Stored(self.sequence, operator_subject(BOOK, "bench"), payload)

    def commit(self, book: str, service: str, facts: list[Recorded[Any]]) -> Stored:
        self.sequence += 1
        n, previous = self._links.get(service, (0, ""))
        envelopes = [wrap(record) for record in facts]
        commit = Commit("bench", n + 1, 1, 1, 0, previous, "bench", [(1, 0, 1)], envelopes)
        payload = encode_commit(commit)
        self._links[service] = (n + 1, digest(payload))
        return Stored(self.sequence, commit_subject(book, service, "events"), payload)


def day(events: int) -> Iterator[Stored]:
    """Yield a day's log: two bars to every three fills, a commit of fills every hundred of them."""
    writer = _Writer()
    for event in (*listings(), ReportingConfigured("USDT", DAY, "bench", "bench")):
        yield writer.fact(event)
    yield writer.fact(CashDeposited("USDT", Decimal(10**9), "bench", "bench"))
    waiting: list[Recorded[Any]] = []
    count = events * 3 // 5
    for number, fill in enumerate(records_of(fills(count))):
        if number % 3 < 2:
            yield writer.commit(SHARED, "market", [_bar(number, fill.at)])
        waiting.append(fill)
        if len(waiting) == AT_ONCE or number + 1 == count:
            yield writer.commit(BOOK, "fill", waiting)
            waiting = []


def _bar(number: int, at: int) -> Recorded[BarClosed]:
    price = Decimal(10_000 + number % 500)
    instrument = INSTRUMENTS[number % len(INSTRUMENTS)]
    event = BarClosed(instrument, DAY, price, price, price, price, Decimal(1), "base")
    return Recorded(f"b{number}", at, SHARED, "paper", "market", None, f"b{number}", event)


def write(table: polars.DataFrame, path: Path) -> Path:
    """Write a file as an archive holds it, except for its name and manifest."""
    table.write_parquet(path, compression="zstd")
    return path
