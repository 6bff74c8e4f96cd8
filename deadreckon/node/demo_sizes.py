"""Sizes of a demo's cash and entries, by the quote currency, price and volume of its tape."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.amounts import canonical, text
from deadreckon.contracts.instruments import InstrumentListed
from deadreckon.marketdata.tapes.tape import Tape

# An entry, in round sums of about the same worth.
USUAL = {"BTC": Decimal("0.1"), "ETH": Decimal(2)}
USUAL_MONEY = Decimal(5_000)
CASH_ENTRIES = 20  # cash pays for so many entries
PARTICIPATION = Decimal("0.1")  # of the tape's volume, for all our orders
ENTRY_BARS = 3  # after which an entry expires: what they let through is the most that can fill
MINUTE = 60 * 10**9


class DemoSizes(Struct, frozen=True):
    """Notional of one entry in quote currency, and why the tape cannot trade; empty if it can."""

    currency: str
    notional: Decimal
    fault: str = ""

    @property
    def cash(self) -> Decimal:
        """Deposit that the demo begins with."""
        return canonical(self.notional * CASH_ENTRIES)

    @property
    def scale(self) -> Decimal:
        """Factor to the amounts of a demo in money, whose entries are of 5,000."""
        return self.notional / USUAL_MONEY

    def sentence(self) -> str:
        """Say both sizes in a line."""
        cash, notional = (f"{amount:,f}" for amount in (self.cash, self.notional))
        return f"cash {cash} {self.currency}, each entry {notional} {self.currency}"


def usual_sizes(listing: InstrumentListed) -> DemoSizes:
    """Return sizes by the quote currency alone."""
    currency = listing.quote_currency
    return DemoSizes(currency, USUAL.get(currency, USUAL_MONEY))


def tape_sizes(tape: Tape, listing: InstrumentListed) -> DemoSizes:
    """Return sizes that the tape's volume lets through; usual ones where it cannot trade at all."""
    usual = usual_sizes(listing)
    price, value = _price_and_value(tape)
    most = value * PARTICIPATION * ENTRY_BARS
    least = max(listing.minimum_notional, listing.lot_size * price)
    notional = usual.notional if most >= usual.notional else _round_sum(most)
    if notional < least:
        through = f"{ENTRY_BARS} bars let {text(_round_sum(most))} {usual.currency} through"
        fault = f"it trades too little: {through}, the least order is {text(least.normalize())}"
        return DemoSizes(usual.currency, usual.notional, fault)
    if tape.header.kind != "bars":
        kind = tape.header.kind
        fault = f"its {kind} are no bars, which strategies look at: only signals trade"
        return DemoSizes(usual.currency, notional, fault)
    return DemoSizes(usual.currency, notional)


def _price_and_value(tape: Tape) -> tuple[Decimal, Decimal]:
    """Return the median price, and the median worth in quote currency of what trades in a bar, in a
    minute of prints, or stands in a quote."""
    import polars

    header = tape.header
    names = {"bars": ("close", "volume"), "trades": ("price", "quantity")}
    price_name, size_name = names.get(header.kind, ("ask", "ask_size"))
    price = polars.col(price_name).cast(polars.Float64) / 10**header.price_scale
    size = polars.col(size_name).cast(polars.Float64) / 10**header.quantity_scale
    worth = {"quote": size, "unknown": polars.min_horizontal(size, size * price)}
    rows = tape.scan().select(
        price=price, worth=worth.get(header.volume_unit, size * price), at=polars.col("at")
    )
    each = rows
    if header.kind == "trades":
        each = rows.group_by(polars.col("at") // MINUTE).agg(polars.col("worth").sum())
    found = rows.select("price").median().collect().item()
    value = each.select("worth").median().collect().item()
    return Decimal(str(found or 0)), Decimal(str(value or 0))


def _round_sum(amount: Decimal) -> Decimal:
    """Return the greatest 1, 2 or 5 times a power of ten that is not above the amount."""
    if amount <= 0:
        return Decimal(0)
    power = Decimal(1).scaleb(amount.adjusted())
    return max(power * digit for digit in (1, 2, 5) if power * digit <= amount)
