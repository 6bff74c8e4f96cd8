"""Statement of a broker or exchange, read from CSV: every amount exact, every column named."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts.amounts import EXACT, is_sane
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.timestamps import parse_timestamp

Kind = Literal["trade", "fee", "funding", "realised", "other"]

# Names of one column, in lower case and without anything but letters and digits.
COLUMNS = {
    "trade_id": ("tradeid", "id", "tradeno", "execid", "fillid"),
    "time": (
        "time",
        "dateutc",
        "timeutc",
        "date",
        "timestamp",
        "utctime",
        "datetime",
    ),
    "symbol": ("symbol", "pair", "market", "instrument", "contract"),
    "side": ("side", "direction", "isbuyer", "buyer"),
    "quantity": ("quantity", "qty", "executed", "size", "filled", "volume"),
    "price": ("price", "fillprice", "execprice", "averageprice"),
    "fee": ("fee", "commission", "fees"),
    "fee_currency": ("feecurrency", "feecoin", "commissionasset", "feeasset"),
    "realised": ("realised", "realized", "realizedprofit", "realizedpnl", "realisedpnl"),
    "funding": ("funding", "fundingfee"),
    "amount": ("amount", "income", "change"),
    "currency": ("asset", "currency", "coin"),
    "type": ("type", "incometype", "operation"),
}
IGNORED = ("orderid", "orderno", "clientorderid", "transactionid", "tranid", "place", "uid",
           "userid", "account", "remark", "info", "quoteqty", "quoteasset", "baseasset",
           "marginasset", "ismaker", "maker", "liquidity", "role", "isbestmatch",
           "positionside")  # fmt: skip
KINDS: dict[str, Kind] = {
    "": "trade",
    "trade": "trade",
    "fill": "trade",
    "commission": "fee",
    "fee": "fee",
    "funding": "funding",
    "fundingfee": "funding",
    "realizedpnl": "realised",
    "realisedpnl": "realised",
    "realised": "realised",
}
SIDES = {"buy": "buy", "b": "buy", "long": "buy", "true": "buy"}
SIDES |= {"sell": "sell", "s": "sell", "short": "sell", "false": "sell"}
NUMBER = r"[+-]?[0-9][0-9,]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?"
WITH_UNIT = re.compile(rf"({NUMBER})\s*([A-Za-z][A-Za-z0-9]*)?")
EPOCHS = ((11, 9), (14, 6), (17, 3), (20, 0))  # digits below which a number counts in 10**-n s
FORMS = ("%Y-%m-%d %H:%M:%S", "%y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
ROWS_MAX = 5_000_000


class VenueFileError(UsageError):
    """You gave a file that is not a venue's statement; the message names line and column."""


class VenueRow(Struct, frozen=True):
    """One line. `amount` is what a fee, funding or realised line moved: received is positive.

    `fee` is positive when it was paid. `scales` has the decimals each amount was written with.
    """

    line: int
    kind: Kind
    type: str
    trade_id: str
    at: int | None
    symbol: str
    side: str
    quantity: Decimal | None
    price: Decimal | None
    fee: Decimal | None
    fee_currency: str
    realised: Decimal | None
    amount: Decimal | None
    currency: str
    scales: dict[str, int]


class VenueFile(Struct, frozen=True):
    """Content of a venue's file; `incomes` is true for a list of income, false for trades."""

    rows: list[VenueRow]
    unknown: list[str]  # columns that were not read
    has_ids: bool
    incomes: bool
    columns: frozenset[str]


def read_venue_file(content: bytes) -> VenueFile:
    """Read the statement in a file. Raises VenueFileError."""
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VenueFileError(
            f"it is no text in UTF-8: {error.reason} at byte {error.start}"
        ) from None
    if "\0" in written:
        raise VenueFileError("it is no text: it holds a zero byte")
    lines = csv.reader(io.StringIO(written, newline=""), delimiter=_delimiter(written))
    try:
        return _read(lines)
    except csv.Error as error:
        raise VenueFileError(f"line {lines.line_num}: {error}") from None


def _delimiter(written: str) -> str:
    """Return the delimiter that occurs most in the first line."""
    first = next((line for line in written.splitlines() if line.strip()), "")
    return max(",;\t|", key=first.count)


def _read(lines: Any) -> VenueFile:
    head = next((cells for cells in lines if any(map(str.strip, cells))), None)
    if head is None:
        raise VenueFileError("it is empty")
    indexes, unknown = _columns(head)
    has = frozenset(indexes)
    trades = {"symbol", "side", "quantity", "price"} <= has
    incomes = not trades and {"type", "amount", "currency"} <= has
    if not trades and not incomes:
        named = ", ".join(name.strip() for name in head)[:200]
        raise VenueFileError(
            "no columns symbol, side, quantity and price, and none type, amount and asset; "
            f"it has {named}"
        )
    rows = [
        _row(Cells(lines.line_num, cells, indexes, len(head)), incomes=incomes)
        for cells in _filled(lines)
    ]
    return VenueFile(rows, unknown, "trade_id" in has, incomes, has)


def _filled(lines: Iterable[list[str]]) -> Iterator[list[str]]:
    for number, cells in enumerate(lines):
        if number >= ROWS_MAX:
            raise VenueFileError(f"it has more than {ROWS_MAX:,} lines: give it in parts")
        if any(cell.strip() for cell in cells):
            yield cells


def _columns(head: list[str]) -> tuple[dict[str, int], list[str]]:
    """Find the index of each known column, and the names of the others."""
    indexes: dict[str, int] = {}
    unknown = []
    for number, title in enumerate(head):
        plain = _plain(title)
        name = next((name for name, words in COLUMNS.items() if plain in words), None)
        if name is not None and name not in indexes:
            indexes[name] = number
        elif plain not in IGNORED and plain:
            unknown.append(title.strip())
    if {"quantity", "price"} <= indexes.keys():
        # In a list of trades an "amount" is the quote value: quantity x price again.
        indexes.pop("amount", None)
    return indexes, unknown


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9]", "", title.lower())


class Cells:
    """Cells of one line by the names of its columns."""

    def __init__(self, line: int, cells: list[str], indexes: dict[str, int], width: int) -> None:
        if len(cells) < width:
            raise VenueFileError(f"line {line} has {len(cells)} columns, {width} were expected")
        self.line = line
        self.scales: dict[str, int] = {}
        self._cells = cells
        self._indexes = indexes

    def text(self, name: str) -> str:
        """Return the text of a column; empty where there is none."""
        index = self._indexes.get(name)
        return "" if index is None else self._cells[index].strip()

    def amount(self, name: str) -> tuple[Decimal | None, str]:
        """Parse an amount, and the unit that is written behind it ("0.04USDT")."""
        written = self.text(name)
        if written in ("", "-", "--", "null"):
            return None, ""
        found = WITH_UNIT.fullmatch(written)
        try:
            amount = Decimal(found[1].replace(",", "")) if found else None
        except InvalidOperation:
            amount = None
        if found is None or amount is None or not is_sane(amount):
            raise VenueFileError(f"line {self.line}: {name} {written[:40]!r} is no amount")
        exponent = amount.as_tuple().exponent
        self.scales[name] = max(0, -exponent) if isinstance(exponent, int) else 0
        return amount, found[2] or ""

    def at(self) -> int | None:
        """Parse the line's time; null without one."""
        written = self.text("time")
        return _moment(written, self.line) if written else None


def _row(cells: Cells, *, incomes: bool) -> VenueRow:
    kind = _kind(cells, cells.text("type"))
    quantity, _ = cells.amount("quantity")
    price, _ = cells.amount("price")
    fee, unit = cells.amount("fee")
    realised, _ = cells.amount("realised")
    amount, currency = _amount(cells, kind)
    row = VenueRow(
        line=cells.line,
        kind=kind,
        type=cells.text("type"),
        trade_id=cells.text("trade_id"),
        at=cells.at(),
        symbol=cells.text("symbol"),
        side=SIDES.get(cells.text("side").lower(), ""),
        quantity=quantity,
        price=price,
        fee=fee,
        fee_currency=cells.text("fee_currency") or unit,
        realised=realised,
        amount=amount,
        currency=cells.text("currency") or currency,
        scales=cells.scales,
    )
    _check(row, cells)
    return row


def _kind(cells: Cells, type: str) -> Kind:
    """Return a line's kind by its type; without one, a line with nothing but funding is funding."""
    kind = KINDS.get(_plain(type), "other")
    funding, _ = cells.amount("funding")
    if kind == "trade" and funding:
        if type or cells.text("quantity"):
            raise VenueFileError(
                f"line {cells.line}: funding beside a trade; give it a line of its own"
            )
        return "funding"
    return kind


def _amount(cells: Cells, kind: Kind) -> tuple[Decimal | None, str]:
    """Return the amount that a line other than a trade moved: from its own column, or from that of
    its kind."""
    amount, unit = cells.amount("amount")
    if amount is None and kind == "funding":
        amount, unit = cells.amount("funding")
    if amount is None and kind == "realised":
        amount, unit = cells.amount("realised")
    if amount is None and kind == "fee":
        amount, unit = cells.amount("fee")
        amount = None if amount is None else EXACT.minus(amount)
    return amount, unit or cells.text("fee_currency")


def _check(row: VenueRow, cells: Cells) -> None:
    if row.kind == "trade":
        if row.quantity is None or row.price is None or not row.symbol or not row.side:
            side = cells.text("side")[:20]
            raise VenueFileError(
                f"line {row.line}: a trade needs symbol, side (found {side!r}), quantity and price"
            )
        if row.quantity <= 0 or row.price < 0:
            raise VenueFileError(f"line {row.line}: a trade of {row.quantity} at {row.price}")
    elif row.kind != "other" and row.amount is None:
        raise VenueFileError(f"line {row.line}: {row.type} without an amount")


def _moment(written: str, line: int) -> int:
    """Parse RFC 3339, date and time in UTC, or seconds, milliseconds, microseconds, nanoseconds."""
    if written.isdecimal() and written.isascii():
        digits = len(written)
        scale = next((power for top, power in EPOCHS if digits < top), None)
        if scale is not None:
            return int(written) * int(10**scale)
    try:
        return parse_timestamp(written)
    except ValueError:
        pass
    for form in FORMS:
        try:
            passed = datetime.strptime(written, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        whole = int((passed - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
        return (whole * 10**6 + passed.microsecond) * 1000
    raise VenueFileError(f"line {line}: {written[:40]!r} is no time; RFC 3339 in UTC is understood")
