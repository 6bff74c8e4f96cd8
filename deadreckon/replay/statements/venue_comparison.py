"""A venue's own statement beside the log: what differs, split into what it is made of.

Money is what each trade moved (the notional, signed, less its fee) and each funding; of a list of
income, realised profit less fees, with funding. The parts add up to the whole difference, worked
out by itself from both sides' totals; what is left is told as unexplained.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain
from typing import Any

from msgspec import Struct, field

from deadreckon.contracts.amounts import EXACT, ZERO, canonical, decimals, text
from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.contracts.portfolio import FeeCharged, FundingPaid
from deadreckon.replay.statements.gathering import Trade
from deadreckon.replay.statements.venue_file import Row, VenueFile
from deadreckon.replay.statements.venue_matching import (
    Fill,
    Symbols,
    fills_of,
    is_within,
    matched,
)

PARTS = ("missing here", "missing there", "timing", "side", "price", "quantity", "fee", "funding",
         "realised", "rounding")  # fmt: skip
ROUNDING_PART = "rounding"
EXACTLY = 40  # decimals that no amount has: nothing is below one unit of them
APART = 1_800 * NANOSECONDS  # a venue's funding time may be so far from ours


class Difference(Struct, frozen=True):
    """One thing that differs: `effect` is what the venue's money has more than ours by it."""

    part: str
    line: int  # of the file, 0 where it has none
    trade_id: str
    ours: str
    theirs: str
    effect: Decimal
    currency: str
    said: Recorded[Any] | None


class Comparison(Struct):
    """Both sides' money by currency, and every difference."""

    venue: str
    theirs: dict[str, Decimal] = field(default_factory=dict)
    ours: dict[str, Decimal] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    left_out: dict[tuple[str, str], list[Decimal]] = field(default_factory=dict)  # type, currency
    not_compared: list[str] = field(default_factory=list)
    compared: int = 0
    outside: int = 0

    def unexplained(self) -> dict[str, Decimal]:
        """What the parts leave of the whole difference, by currency; empty when nothing."""
        rest: dict[str, Decimal] = {}
        for currency in sorted({*self.theirs, *self.ours, *(d.currency for d in self.differences)}):
            whole = EXACT.subtract(self.theirs.get(currency, ZERO), self.ours.get(currency, ZERO))
            for difference in self.differences:
                if difference.currency == currency:
                    whole = EXACT.subtract(whole, difference.effect)
            if whole:
                rest[currency] = canonical(whole)
        return rest

    @property
    def agrees(self) -> bool:
        """Whether nothing differs but by rounding."""
        others = any(found.part != ROUNDING_PART for found in self.differences)
        return not others and not self.unexplained()


def compared(
    found: VenueFile,
    trades: Iterable[Trade],
    listings: dict[str, InstrumentListed],
    venue: str,
    day: str,
) -> Comparison:
    """Compare a file with what the log has of a venue, on a day or as a whole."""
    sides = Sides(found, list(trades), listings, venue, day)
    if found.incomes:
        sides.incomes()
    else:
        sides.trades()
    sides.funding()
    return sides.result


class Sides:
    """The comparison at work: money is booked on both sides, and each difference on its part."""

    def __init__(
        self,
        found: VenueFile,
        trades: list[Trade],
        listings: dict[str, InstrumentListed],
        venue: str,
        day: str,
    ) -> None:
        self.result = Comparison(venue)
        self._file = found
        self._listings = listings
        self._day = day
        self._symbols = Symbols(listings, venue)
        self._fills = fills_of(trades, venue)
        self._apart = [trade for trade in trades if trade.counts and _is_at(trade, listings, venue)]
        self._scales = _scales(found, self._fills.values(), listings)

    # --- Lists of trades --------------------------------------------------------------------------

    def trades(self) -> None:
        """Compare trade by trade, then fees that came apart from them."""
        matching = matched(self._file, self._fills, self._symbols, self._day)
        self.result.outside += matching.outside
        if "fee" not in self._file.columns:
            self.result.not_compared.append("fees: the file has no column of them")
        for row, fill in matching.pairs:
            self.result.compared += 1
            self._pair(row, fill)
        for row in matching.strangers:
            self._stranger(row)
        for fill in self._fills.values():
            if fill.counts and not fill.taken:
                self._absent(fill)
        self._fees_apart()

    def _pair(self, row: Row, fill: Fill) -> None:
        assert row.quantity is not None
        assert row.price is not None
        said, size, quote = fill.said.event, self._size(fill), self._quote(fill)
        self._their(quote, _flow(row.side, row.quantity, row.price, size))
        if not fill.counts:
            self._differ("timing", row, fill, "on another day", "within", _theirs(row, size), quote)
            self._fee(row, fill)
            return
        self._our(quote, _flow(said.side, said.quantity, said.price, size))
        if row.side != said.side:
            effect = EXACT.subtract(_theirs(row, size), _flow_of(fill, size))
            self._differ("side", row, fill, said.side, row.side, effect, quote)
        else:
            sign = Decimal(-1) if said.side == "buy" else Decimal(1)
            apart = EXACT.subtract(row.price, said.price)
            effect = _product(sign, apart, said.quantity, size)
            part = self._part("price", apart, said.instrument)
            self._differ(part, row, fill, text(said.price), text(row.price), effect, quote)
            apart = EXACT.subtract(row.quantity, said.quantity)
            effect = _product(sign, apart, row.price, size)
            part = self._part("quantity", apart, said.instrument)
            self._differ(part, row, fill, text(said.quantity), text(row.quantity), effect, quote)
        self._fee(row, fill)

    def _fee(self, row: Row, fill: Fill) -> None:
        """What is no column, or empty in this line, is not compared; what was given is."""
        if row.fee is None:
            return
        said = fill.said.event
        currency = row.fee_currency or said.fee_currency
        self._their(currency, EXACT.minus(row.fee))
        if not fill.counts:
            effect = EXACT.minus(row.fee)
            self._differ("timing", row, fill, "", text(row.fee), effect, currency)
            return
        self._our(said.fee_currency, EXACT.minus(said.fee))
        ours, theirs = text(said.fee), text(row.fee)
        if currency != said.fee_currency:
            ours, theirs = f"{ours} {said.fee_currency}", f"{theirs} {currency}"
            self._differ("fee", row, fill, ours, theirs, said.fee, said.fee_currency)
            self._differ("fee", row, fill, ours, theirs, EXACT.minus(row.fee), currency)
            return
        apart = EXACT.subtract(row.fee, said.fee)
        part = self._part("fee", apart, currency)
        self._differ(part, row, fill, ours, theirs, EXACT.minus(apart), currency)

    def _stranger(self, row: Row) -> None:
        """A trade that the venue tells of and the log does not."""
        assert row.quantity is not None
        assert row.price is not None
        instrument = self._symbols.instrument(row.symbol)
        listing = self._listings.get(instrument or "")
        size = listing.contract_size if listing else Decimal(1)
        quote = listing.quote_currency if listing else row.currency or f"quote of {row.symbol}"
        flow = _theirs(row, size)
        told = f"{row.side} {text(row.quantity)} {row.symbol} at {text(row.price)}"
        self._their(quote, flow)
        self._differ("missing here", row, None, "", told, flow, quote)
        if row.fee:
            currency = row.fee_currency or quote
            self._their(currency, EXACT.minus(row.fee))
            told = f"its fee {text(row.fee)}"
            self._differ("missing here", row, None, "", told, EXACT.minus(row.fee), currency)

    def _absent(self, fill: Fill) -> None:
        """A fill of the log that the venue does not tell of."""
        said, quote = fill.said.event, self._quote(fill)
        flow = _flow_of(fill, self._size(fill))
        told = f"{said.side} {text(said.quantity)} {said.instrument} at {text(said.price)}"
        self._our(quote, flow)
        self._differ("missing there", None, fill, told, "", EXACT.minus(flow), quote)
        if said.fee and "fee" in self._file.columns:
            self._our(said.fee_currency, EXACT.minus(said.fee))
            told = f"its fee {text(said.fee)}"
            self._differ("missing there", None, fill, told, "", said.fee, said.fee_currency)

    def _fees_apart(self) -> None:
        """Fees charged without a trade, as totals: nothing names which is which."""
        rows = [row for row in self._file.rows if row.kind == "fee" and self._within(row)]
        ours = [trade.said for trade in self._apart if isinstance(trade.said.event, FeeCharged)]
        self._totals("fee", rows, [(s, EXACT.minus(s.event.amount)) for s in ours])
        self._leave_out()

    # --- Lists of income --------------------------------------------------------------------------

    def incomes(self) -> None:
        """Compare realised profit and fees, trade by trade where the file names them."""
        rows = [row for row in self._file.rows if row.kind in ("fee", "realised")]
        named = [row for row in rows if row.trade_id in self._fills]
        within = [row for row in rows if row.trade_id not in self._fills and self._within(row)]
        if self._file.has_ids:
            self._incomes_of_trades(named)
            for row in within:
                assert row.amount is not None
                self._their(row.currency, row.amount)
                told = f"{row.type} {text(row.amount)} {row.symbol}"
                self._differ("missing here", row, None, "", told, row.amount, row.currency)
        else:
            fills = [fill for fill in self._fills.values() if fill.counts]
            realised = [(fill.said, fill.realised) for fill in fills]
            fees = [(fill.said, EXACT.minus(fill.said.event.fee)) for fill in fills]
            self._totals("realised", [row for row in within if row.kind == "realised"], realised)
            self._totals("fee", [row for row in within if row.kind == "fee"], fees)
        self._leave_out()

    def _incomes_of_trades(self, rows: list[Row]) -> None:
        told: dict[str, dict[str, list[Row]]] = {}
        for row in rows:
            told.setdefault(row.trade_id, {}).setdefault(row.kind, []).append(row)
        for trade_id, fill in self._fills.items():
            lines = told.get(trade_id, {})
            if not fill.counts and not any(map(self._within, chain.from_iterable(lines.values()))):
                self.result.outside += sum(map(len, lines.values()))
                continue
            said = fill.said.event
            self.result.compared += bool(lines)
            part = "" if lines else "missing there"
            part = part if fill.counts else "timing"
            realised = (fill.realised, self._quote(fill))
            fee = (EXACT.minus(said.fee), said.fee_currency)
            self._income("realised", part, lines.get("realised", []), fill, realised)
            self._income("fee", part, lines.get("fee", []), fill, fee)

    def _income(
        self, kind: str, part: str, rows: list[Row], fill: Fill, own: tuple[Decimal, str]
    ) -> None:
        """One kind of income of one trade, in as many lines as the venue took for it."""
        ours, currency = own if fill.counts else (ZERO, own[1])
        theirs = sum((row.amount or ZERO for row in rows), ZERO)
        there = rows[0].currency if rows else currency
        self._their(there, theirs)
        self._our(currency, ours)
        row = rows[0] if rows else None
        if there != currency:
            self._differ(part or kind, row, fill, text(ours), "", EXACT.minus(ours), currency)
            self._differ(part or kind, row, fill, "", text(theirs), theirs, there)
            return
        apart = EXACT.subtract(theirs, ours)
        part = part or self._part(kind, apart, currency)
        told = (text(canonical(ours)), text(canonical(theirs)))
        self._differ(part, row, fill, *told, apart, currency)

    # --- Funding, totals, what is left out --------------------------------------------------------

    def funding(self) -> None:
        """Compare funding payment by payment: those of one instrument within half an hour."""
        rows = [row for row in self._file.rows if row.kind == "funding" and self._within(row)]
        ours = [trade.said for trade in self._apart if isinstance(trade.said.event, FundingPaid)]
        if not rows and ours and not (self._file.incomes or "type" in self._file.columns):
            self.result.not_compared.append("funding: the file has no lines of it")
            return
        waiting = _payments(ours)
        for row in rows:
            assert row.amount is not None
            instrument = self._symbols.instrument(row.symbol)
            paid = _nearest(waiting, instrument, row)
            currency = row.currency or self._quote_of(instrument)
            self._their(currency, row.amount)
            if paid is None:
                told = text(row.amount)
                self._differ("funding", row, None, "", told, row.amount, currency)
                continue
            waiting.remove(paid)
            self.result.compared += 1
            self._our(paid.currency, paid.amount)
            apart = EXACT.subtract(row.amount, paid.amount)
            part = self._part("funding", apart, currency)
            here, there = text(paid.amount), text(row.amount)
            self._say(Difference(part, row.line, "", here, there, apart, currency, paid.said))
        for paid in waiting:
            self._our(paid.currency, paid.amount)
            effect = EXACT.minus(paid.amount)
            here = text(paid.amount)
            self._say(Difference("funding", 0, "", here, "", effect, paid.currency, paid.said))

    def _totals(
        self, kind: str, rows: list[Row], ours: list[tuple[Recorded[Any], Decimal]]
    ) -> None:
        theirs: dict[str, Decimal] = {}
        for row in rows:
            assert row.amount is not None
            theirs[row.currency] = EXACT.add(theirs.get(row.currency, ZERO), row.amount)
        own: dict[str, Decimal] = {}
        for said, amount in ours:
            currency = self._currency(kind, said)
            own[currency] = EXACT.add(own.get(currency, ZERO), amount)
        for currency in sorted({*theirs, *own}):
            there, here = theirs.get(currency, ZERO), own.get(currency, ZERO)
            self._their(currency, there)
            self._our(currency, here)
            apart = EXACT.subtract(there, here)
            part = self._part(kind, apart, currency)
            told = (text(canonical(here)), text(canonical(there)))
            self._say(Difference(part, 0, "", *told, apart, currency, None))

    def _currency(self, kind: str, said: Recorded[Any]) -> str:
        event = said.event
        if isinstance(event, FeeCharged):
            return event.currency
        return str(event.fee_currency) if kind == "fee" else self._quote_of(event.instrument)

    def _leave_out(self) -> None:
        for row in self._file.rows:
            if row.kind == "other" and self._within(row):
                key = (row.type, row.currency)
                self.result.left_out.setdefault(key, []).append(row.amount or ZERO)

    # --- Booking ----------------------------------------------------------------------------------

    def _differ(
        self,
        part: str,
        row: Row | None,
        fill: Fill | None,
        ours: str,
        theirs: str,
        effect: Decimal,
        currency: str,
    ) -> None:
        trade_id = row.trade_id if row and row.trade_id else ""
        trade_id = trade_id or (fill.said.event.trade_id if fill else "")
        line, said = row.line if row else 0, fill.said if fill else None
        self._say(Difference(part, line, trade_id, ours, theirs, effect, currency, said))

    def _say(self, found: Difference) -> None:
        always = found.part in ("missing here", "missing there", "timing", "side")
        if found.effect or (always and found.ours != found.theirs and not _is_nothing(found)):
            self.result.differences.append(found)

    def _their(self, currency: str, amount: Decimal) -> None:
        _book(self.result.theirs, currency, amount)

    def _our(self, currency: str, amount: Decimal) -> None:
        _book(self.result.ours, currency, amount)

    def _part(self, kind: str, apart: Decimal, of: str) -> str:
        """Less than one unit of the coarser side's last decimal is rounding."""
        scale = self._scales.get((kind, of), 0)
        return ROUNDING_PART if abs(apart) < Decimal(1).scaleb(-scale) else kind

    def _within(self, row: Row) -> bool:
        return is_within(row, self._day)

    def _size(self, fill: Fill) -> Decimal:
        return self._listings[fill.said.event.instrument].contract_size

    def _quote(self, fill: Fill) -> str:
        return self._quote_of(fill.said.event.instrument)

    def _quote_of(self, instrument: str | None) -> str:
        listing = self._listings.get(instrument or "")
        return listing.quote_currency if listing else "unknown"


class Payment(Struct):
    """What the strategies of a book received together by one funding of an instrument."""

    instrument: str
    currency: str
    amount: Decimal
    said: Recorded[FundingPaid]


def _payments(ours: list[Recorded[FundingPaid]]) -> list[Payment]:
    found: dict[tuple[str, str, int], Payment] = {}
    for said in ours:
        key = (said.event.instrument, said.event.currency, said.at)
        paid = found.setdefault(key, Payment(*key[:2], ZERO, said))
        paid.amount = canonical(EXACT.add(paid.amount, said.event.amount))
    return list(found.values())


def _nearest(waiting: list[Payment], instrument: str | None, row: Row) -> Payment | None:
    """The payment that a line tells of; without a time, the oldest one that is left."""
    fitting = [paid for paid in waiting if paid.instrument == instrument]
    if row.at is None:
        return fitting[0] if fitting else None
    at = row.at
    near = [paid for paid in fitting if abs(paid.said.at - at) <= APART]
    return min(near, key=lambda paid: abs(paid.said.at - at), default=None)


def _is_at(trade: Trade, listings: dict[str, InstrumentListed], venue: str) -> bool:
    listing = listings.get(trade.said.event.instrument)
    return listing is not None and listing.venue == venue


def _scales(
    found: VenueFile, fills: Iterable[Fill], listings: dict[str, InstrumentListed]
) -> dict[tuple[str, str], int]:
    """Decimals of the coarser side, by what is compared and its instrument or currency.

    The venue's are those it writes at the most; ours, where zeros at the end are never written,
    are at least those of the instrument, and two for money. Nobody rounds a quantity but who
    writes it short: where ours is the coarser one, the venue means another quantity.
    """
    theirs: dict[str, int] = {}
    for row in found.rows:
        for name, scale in row.scales.items():
            name = row.kind if name == "amount" else name
            theirs[name] = max(theirs.get(name, 0), scale)
    ours: dict[tuple[str, str], int] = {}
    for fill in fills:
        said, listing = fill.said.event, listings[fill.said.event.instrument]
        quote = listing.quote_currency
        for key, least, amount in (
            (("price", said.instrument), decimals(listing.tick_size), said.price),
            (("quantity", said.instrument), decimals(listing.lot_size), said.quantity),
            (("fee", said.fee_currency), 2, said.fee),
            (("realised", quote), 2, fill.realised),
            (("funding", quote), 8, ZERO),
        ):
            ours[key] = max(ours.get(key, least), decimals(amount))
    return {key: _coarser(key[0], scale, theirs.get(key[0], scale)) for key, scale in ours.items()}


def _coarser(name: str, ours: int, theirs: int) -> int:
    return EXACTLY if name == "quantity" and theirs >= ours else min(ours, theirs)


def _is_nothing(found: Difference) -> bool:
    """A part of a trade that moved no money on either side."""
    return not found.effect and found.ours in ("", "0") and found.theirs in ("", "0")


def _flow(side: str, quantity: Decimal, price: Decimal, size: Decimal) -> Decimal:
    """What a trade moves before its fee, in quote currency."""
    return _product(Decimal(-1) if side == "buy" else Decimal(1), quantity, price, size)


def _theirs(row: Row, size: Decimal) -> Decimal:
    return _flow(row.side, row.quantity or ZERO, row.price or ZERO, size)


def _flow_of(fill: Fill, size: Decimal) -> Decimal:
    said = fill.said.event
    return _flow(said.side, said.quantity, said.price, size)


def _product(*factors: Decimal) -> Decimal:
    total = Decimal(1)
    for factor in factors:
        total = EXACT.multiply(total, factor)
    return total


def _book(money: dict[str, Decimal], currency: str, amount: Decimal) -> None:
    money[currency] = EXACT.add(money.get(currency, ZERO), amount)
