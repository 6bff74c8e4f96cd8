"""Columns of an archive's fills as integers, without repeated trades."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import polars
from numpy.typing import NDArray
from polars import col

from deadreckon.accounting import ledger
from deadreckon.accounting.postings import is_new_trade

Integers = NDArray[numpy.int64]
Numbers = NDArray[numpy.intp]  # of rows, from 0

AMOUNTS = ("quantity", "price", "fee")
NAMES = ("strategy", "venue", "instrument", "fee_currency")
CODES_MAX = 1 << 16  # codes in a lookup table; more than that are sorted
FLOAT_MAX = 1 << 53  # below it a float holds every integer
HALVES_MAX = 1 << 20  # rows whose halves of 32 bits a float sums without rounding


class FillKey(NamedTuple):
    """Group key of fills: strategy, venue, instrument and fee currency."""

    strategy: str
    venue: str
    instrument: str
    fee_currency: str


class ExactFill(NamedTuple):
    """Amounts of a fill as in its event; `quantity` is signed (a sale is negative)."""

    quantity: Decimal
    price: Decimal
    fee: Decimal


class FillColumns(NamedTuple):
    """Fills in log order, one array element per fill.

    Quantities are signed (a sale is negative). Amounts are units of 10**-scale. A fill with an
    amount that does not fit int64 has 0 for all three, and its amounts are in `exact`.
    """

    sequences: Integers
    kinds: list[FillKey]
    kind: Integers  # index into `kinds`, per fill
    quantities: Integers
    quantity_scales: Integers
    prices: Integers
    price_scales: Integers
    fees: Integers
    fee_scales: Integers
    rows: Numbers  # row numbers in the files that were read
    exact: dict[int, ExactFill]  # by row number: fills with an amount that does not fit int64

    def without(self, known: Numbers) -> "FillColumns":
        """Drop the rows that repeat a trade."""
        return self.part(~numpy.isin(self.rows, known)) if len(known) else self

    def part(self, wanted: slice | Numbers | NDArray[numpy.bool_]) -> "FillColumns":
        """Select fills by slice, row indexes or boolean mask."""
        parts: dict[str, Any] = {
            name: value[wanted]
            for name, value in self._asdict().items()
            if isinstance(value, numpy.ndarray)
        }
        return self._replace(**parts)


def nothing() -> FillColumns:
    """Return columns without any fill."""
    none = numpy.array([], dtype=numpy.int64)
    return FillColumns(none, [], none, none, none, none, none, none, none, none, {})


def scan(paths: Sequence[Path]) -> polars.LazyFrame:
    """Scan files of fills lazily as one table, in the order given."""
    return polars.scan_parquet(list(paths), glob=False, hive_partitioning=False)


def read(paths: Sequence[Path]) -> FillColumns:
    """Read every fill of the files, repeated trades included."""
    bought = col("side") == "buy"
    signed = polars.when(bought).then(col("quantity_units")).otherwise(-col("quantity_units"))
    pools = [polars.Categorical(polars.Categories.random()) for _ in NAMES]
    names = [col(name).cast(pool) for name, pool in zip(NAMES, pools, strict=True)]
    amounts = [signed, col("price_units"), col("fee_units")]
    scales = [col(f"{name}_scale") for name in AMOUNTS]
    wanted = scan(paths).select("sequence", *names, *amounts, *scales)
    table = wanted.collect(engine="streaming").rechunk()  # faster than column by column
    exact = (
        _exact_fills(paths) if any(table[f"{name}_units"].null_count() for name in AMOUNTS) else {}
    )
    kinds, kind = _kinds([table[name] for name in NAMES])
    columns = [table[f"{name}_{part}"] for part in ("units", "scale") for name in AMOUNTS]
    quantities, prices, fees, *finesse = [_whole(column, sorted(exact)) for column in columns]
    return FillColumns(
        sequences=table["sequence"].to_numpy(),
        kinds=kinds,
        kind=kind,
        quantities=quantities,
        quantity_scales=finesse[0],
        prices=prices,
        price_scales=finesse[1],
        fees=fees,
        fee_scales=finesse[2],
        rows=numpy.arange(len(table)),
        exact=exact,
    )


def _whole(column: polars.Series, exact: Sequence[int]) -> Integers:
    """Convert a column to integers, 0 for the rows in `exact`."""
    if exact:
        column = column.fill_null(0).scatter(exact, 0)
    return column.to_numpy()


def _exact_fills(paths: Sequence[Path]) -> dict[int, ExactFill]:
    unfit = polars.any_horizontal(col(f"{name}_units").is_null() for name in AMOUNTS)
    table = scan(paths).with_row_index("row").filter(unfit)
    found = {}
    for row, side, *texts in table.select("row", "side", *AMOUNTS).collect().iter_rows():
        quantity, price, fee = map(Decimal, texts)
        found[row] = ExactFill(quantity if side == "buy" else -quantity, price, fee)
    return found


def _kinds(columns: list[polars.Series]) -> tuple[list[FillKey], Any]:
    """List the distinct combinations of names, and the index of each row's combination."""
    kind: Any = numpy.zeros(len(columns[0]), dtype=numpy.uint16)
    count = 1
    for column in columns:
        physical = column.to_physical().to_numpy()
        size = int(physical.max(initial=0)) + 1
        if size > 1:
            kind, count = _dense(kind.astype(numpy.int64) * size + physical, count * size)
    met = numpy.zeros(count, dtype=numpy.int64)
    met[kind] = numpy.arange(len(kind))  # some row of each combination
    texts = [column.gather(met).cast(polars.String).to_list() for column in columns]
    return [FillKey(*names) for names in zip(*texts, strict=True)], kind


def _dense(codes: Any, most: int) -> tuple[Any, int]:
    """Renumber codes, all below `most`, without gaps; also return the number of distinct ones."""
    if most > CODES_MAX:
        met, kind = numpy.unique(codes, return_inverse=True)
        return kind, len(met)
    there = numpy.bincount(codes, minlength=most) > 0
    numbers = (numpy.cumsum(there) - 1).astype(numpy.uint16)
    return numbers[codes], int(there.sum())


def repetitions(paths: Sequence[Path]) -> Numbers:
    """Find the rows whose trade the ledger would ignore as already known.

    A 64-bit hash of each trade id finds candidates; only candidates are compared as text, so a
    day without repetitions costs no more than hashing.
    """
    hashes = (
        scan(paths)
        .select(col("trade_id").hash())
        .collect(engine="streaming")
        .to_series()
        .to_numpy()
    )
    ordered = numpy.sort(hashes)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return numpy.array([], dtype=numpy.intp)
    return _known(paths, numpy.isin(hashes, twice))


def _known(paths: Sequence[Path], suspect: NDArray[numpy.bool_]) -> Numbers:
    """Run the suspect rows, in log order, through the ledger's memory of trades.

    The first other fill of each venue and day goes with them, because the ledger forgets old
    trades when a new day begins.
    """
    table = scan(paths).select("venue", "trade_id", "at").with_row_index("row").collect()
    table = table.with_columns(
        polars.Series("suspect", suspect), day=col("at").cum_max() // 86_400_000_000_000
    )
    firsts = table.filter(~col("suspect")).unique(
        ["venue", "day"], keep="first", maintain_order=True
    )
    looked = polars.concat([table.filter("suspect"), firsts]).sort("row")
    memory = ledger.initial()
    known = [
        row
        for row, venue, trade_id, at in looked.select("row", "venue", "trade_id", "at").iter_rows()
        if not is_new_trade(memory, at, venue, trade_id)
    ]
    return numpy.array(known, dtype=numpy.intp)


def sums_by(codes: Any, values: Integers, count: int) -> list[int]:
    """Sum the values of each code below `count` exactly, as Python integers."""
    most = max(int(values.max(initial=0)), -int(values.min(initial=0)))
    if most * len(values) < FLOAT_MAX:
        return [int(it) for it in numpy.bincount(codes, values, count).tolist()]
    sums = numpy.zeros(count, dtype=object)
    for start in range(0, len(values), HALVES_MAX):
        part, code = values[start : start + HALVES_MAX], codes[start : start + HALVES_MAX]
        high = numpy.bincount(code, part >> 32, count)
        low = numpy.bincount(code, part & 0xFFFFFFFF, count)
        there = numpy.flatnonzero((high != 0) | (low != 0))
        halves = zip(high[there].tolist(), low[there].tolist(), strict=True)
        whole = [(int(above) << 32) + int(below) for above, below in halves]
        sums[there] += numpy.array(whole, dtype=object)
    return [int(it) for it in sums.tolist()]
