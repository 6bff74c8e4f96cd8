"""Positions, cash and equity folded from the log: worked by hand, and against a naive oracle."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.ledger import Equity, ImpossibleFillError, Ledger
from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.instruments import InstrumentDelisted, InstrumentListed
from deadreckon.contracts.market import (
    BarClosed,
    CurrencyRateUpdated,
    FundingRatePublished,
    MarkUpdated,
    QuoteUpdated,
    TradePrinted,
)
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import (
    CashDeposited,
    CashWithdrawn,
    FeeCharged,
)
from tests.stories import (
    DAY,
    INSTRUMENT,
    MINUTE,
    START,
    at,
    bar,
    currency_rate,
    deposit,
    filled,
    funding_rate,
    late_fee,
    listed,
    marked,
    quote,
    reporting,
    trade,
    withdraw,
)

PERPETUAL = "BTCUSDT-PERP.PAPER"
GROUND = (listed(), listed(PERPETUAL, kind="perpetual", lot="1", contract="0.001"), reporting())


def fold(*events: Event, into: Ledger | None = None, when: int = START) -> Ledger:
    """A ledger after the ground and these events, a minute apart."""
    book = ledger.initial() if into is None else into
    told = events if into else (*GROUND, *events)
    for minute, event in enumerate(told):
        book = ledger.evolve(book, at(event, when + minute * MINUTE, id=f"{when}-{minute}"))
    return book


def figures(equity: Equity, *names: str) -> list[str]:
    return [str(getattr(equity, name)) for name in names]


# Cash and equity, by hand.


def test_a_spot_purchase_turns_cash_into_a_holding_and_loses_nothing() -> None:
    book = fold(deposit(10_000), bar(100), filled("buy", 20, 100))
    assert figures(ledger.equity(book), "equity", "cash", "holdings", "unrealised") == [
        "10000",
        "8000",
        "2000",
        "0",
    ]


def test_a_spot_position_is_worth_its_mark() -> None:
    book = fold(deposit(10_000), filled("buy", 20, 100), filled("sell", 5, 120, id="t2"), bar(110))
    equity = ledger.equity(book)
    assert figures(equity, "cash", "holdings", "equity") == ["8600", "1650", "10250"]
    assert figures(equity, "realised", "unrealised") == ["100", "150"]
    assert figures(equity, "exposure_gross", "exposure_net") == ["1650", "1650"]


def test_a_short_in_spot_is_owed_at_its_mark() -> None:
    book = fold(deposit(10_000), filled("sell", 10, 100), bar(90))
    equity = ledger.equity(book)
    assert figures(equity, "cash", "holdings", "equity") == ["11000", "-900", "10100"]
    assert figures(equity, "exposure_gross", "exposure_net") == ["900", "-900"]


def test_a_perpetual_moves_cash_by_what_it_realises_alone() -> None:
    # 2,000 contracts of 0.001 BTC.
    book = fold(deposit(10_000), filled("buy", 2_000, 100, instrument=PERPETUAL))
    assert book.accounts["USDT"].cash.units == 10_000 * 10**18
    book = fold(filled("sell", 500, 130, id="t2", instrument=PERPETUAL), into=book, when=START + 1)
    book = fold(bar(110, instrument=PERPETUAL), into=book, when=START + 2)
    equity = ledger.equity(book)
    assert figures(equity, "cash", "holdings", "unrealised_perpetual", "equity") == [
        "10015",
        "0",
        "15",
        "10030",
    ]


def test_a_fee_in_the_quote_currency_leaves_the_cash() -> None:
    book = fold(deposit(10_000), filled("buy", 20, 100, fee=2), bar(100))
    equity = ledger.equity(book)
    assert figures(equity, "cash", "fees", "equity") == ["7998", "2", "9998"]


def test_a_maker_rebate_adds_to_the_cash() -> None:
    book = fold(deposit(10_000), filled("buy", 20, 100, fee="-0.5"), bar(100))
    assert figures(ledger.equity(book), "cash", "fees", "equity") == ["8000.5", "-0.5", "10000.5"]


def test_a_fee_in_the_base_currency_is_owed_in_it_and_offsets_the_holding() -> None:
    book = fold(deposit(10_000), filled("buy", 20, 100, fee="0.02", fee_currency="BTC"), bar(150))
    equity = ledger.equity(book)
    assert equity.cash_by_currency == {"USDT": Decimal(8_000), "BTC": Decimal("-0.02")}
    assert ledger.held(book, "ext", INSTRUMENT) == 20
    # 8,000 + (20 - 0.02) x 150
    assert figures(equity, "cash", "holdings", "fees", "equity") == ["7997", "3000", "3", "10997"]


def test_a_fee_in_a_third_currency_counts_at_its_rate_and_not_at_all_without_one() -> None:
    book = fold(deposit(10_000), filled("buy", 20, 100, fee="0.1", fee_currency="BNB"), bar(100))
    assert figures(ledger.equity(book), "fees", "equity") == ["0", "10000"]
    assert ledger.equity(book).unpriced == ["BNB"]
    assert ledger.net_worth(book) == (Decimal(10_000), ["BNB"])
    book = fold(currency_rate("BNB", 600), into=book, when=START + DAY)
    assert figures(ledger.equity(book), "fees", "equity") == ["60", "9940"]
    assert ledger.equity(book).unpriced == []


def test_funding_is_paid_by_longs_and_received_by_shorts_exactly() -> None:
    book = fold(
        deposit(10_000),
        filled("buy", 2_000, 100, instrument=PERPETUAL),
        filled("sell", 500, 100, id="t2", strategy="other", instrument=PERPETUAL),
        bar(100, instrument=PERPETUAL),
        funding_rate("0.0001", "100.5", instrument=PERPETUAL),
    )
    long, short = (book.holdings[PERPETUAL][name].funding for name in ("ext", "other"))
    assert long.units * 10**-long.scale == pytest.approx(-0.0201)
    assert (short.units, short.scale) == (5_025 * 10**12, 18)
    assert figures(ledger.equity(book), "funding", "equity") == ["-0.015075", "9999.984925"]


def test_funding_of_a_negative_rate_goes_the_other_way() -> None:
    book = fold(
        filled("buy", 2_000, 100, instrument=PERPETUAL),
        bar(100, instrument=PERPETUAL),
        funding_rate("-0.0001", 100, instrument=PERPETUAL),
    )
    assert figures(ledger.equity(book), "funding") == ["0.02"]


def test_funding_of_spot_of_nothing_or_of_a_flat_position_moves_nothing() -> None:
    book = fold(deposit(100), filled("buy", 1, 100), bar(100))
    before = ledger.equity(book)
    flat = fold(
        funding_rate("0.01", 100),
        funding_rate("0.01", 100, instrument="NOBODY.KNOWS"),
        filled("buy", 1, 100, id="t2", instrument=PERPETUAL),
        filled("sell", 1, 100, id="t3", instrument=PERPETUAL),
        funding_rate("0.01", 100, instrument=PERPETUAL),
        into=book,
        when=START + DAY,
    )
    assert ledger.equity(flat) == before


def test_funding_finer_than_eighteen_decimals_is_rounded_half_even_to_what_can_be_booked() -> None:
    book = fold(
        deposit(1),
        filled("buy", 1, 100, instrument=PERPETUAL),
        marked(100, PERPETUAL),
        funding_rate("0.00000001", "0.00000015", instrument=PERPETUAL),
    )
    assert str(ledger.equity(book).cash) == "0.999999999999999998"


def test_deposits_and_withdrawals_are_no_profit() -> None:
    book = fold(deposit(10_000), withdraw("2500.5"))
    assert figures(ledger.equity(book), "equity", "realised", "cash") == ["7499.5", "0", "7499.5"]
    assert str(ledger.net_deposits(book)) == "7499.5"


def test_a_late_fee_is_charged_to_its_holding_even_where_nothing_was_traded() -> None:
    book = fold(deposit(100), late_fee(3), late_fee(-1), late_fee(5, instrument="NOBODY.KNOWS"))
    found = ledger.holding(book, "ext", INSTRUMENT)
    assert found is not None
    assert found.fees["USDT"].units == 2 * 10**18
    assert figures(ledger.equity(book), "cash", "fees") == ["93", "7"]


# Reporting in another currency.


def test_a_book_reports_in_its_reporting_currency_at_the_stated_rates() -> None:
    book = fold(
        deposit(10_000),
        deposit(500, "EUR"),
        filled("buy", 20, 100, fee=1),
        bar(110),
        reporting("EUR"),
        currency_rate("USDT", "0.9", "EUR"),
    )
    equity = ledger.equity(book)
    # 7,999 x 0.9 + 500, and 2,200 x 0.9
    assert figures(equity, "cash", "holdings", "equity") == ["7699.1", "1980", "9679.1"]
    assert figures(equity, "unrealised", "fees") == ["180", "0.9"]
    assert equity.unpriced == []


def test_a_converted_sum_is_rounded_half_even_to_eighteen_decimals() -> None:
    book = fold(
        deposit("0.000000001"), reporting("EUR"), currency_rate("USDT", "0.0000000005", "EUR")
    )
    assert figures(ledger.equity(book), "cash") == ["0"]  # half of 10**-18, to even
    book = fold(deposit("0.000000002"), into=book, when=START + DAY)
    assert figures(ledger.equity(book), "cash") == ["2E-18"]  # 1.5, to even


def test_without_a_reporting_currency_nothing_is_priced_and_it_says_so() -> None:
    book = ledger.evolve(ledger.initial(), at(deposit(100)))
    assert ledger.rate(book, "USDT") is None
    assert figures(ledger.equity(book), "equity") == ["0"]
    assert ledger.equity(book).unpriced == ["USDT"]


def test_a_rate_comes_from_what_was_stated_before_it_comes_from_a_mark() -> None:
    book = fold(marked(45_000, PERPETUAL))
    assert ledger.rate(book, "USDT") == 1
    assert ledger.rate(book, "BTC") == 45_000  # a perpetual's, for want of spot
    book = fold(marked(45_010), into=book)
    assert ledger.rate(book, "BTC") == 45_010
    book = fold(currency_rate("BTC", 45_020), into=book)
    assert ledger.rate(book, "BTC") == 45_020
    assert ledger.rate(book, "DOGE") is None


def test_a_mark_in_a_currency_that_has_a_rate_prices_the_base_currency_too() -> None:
    book = fold(marked(45_000), reporting("EUR"))
    assert ledger.rate(book, "BTC") is None
    assert ledger.rate(fold(currency_rate("USDT", "0.9", "EUR"), into=book), "BTC") == 40_500


def test_a_rate_that_is_not_positive_means_that_there_is_none() -> None:
    book = fold(currency_rate("EUR", "1.1"))
    assert ledger.rate(book, "EUR") == Decimal("1.1")
    assert ledger.rate(fold(currency_rate("EUR", 0), into=book), "EUR") is None


# Marks.


@pytest.mark.parametrize(
    ("event", "price"),
    [
        (bar(101, open=90), "101"),
        (quote("100.01", "100.02"), "100.015"),
        (trade("100.5"), "100.5"),
        (marked("99.9"), "99.9"),
    ],
)
def test_the_mark_is_the_last_price_that_anything_gave_with_its_time(
    event: Event, price: str
) -> None:
    book = fold(marked(1), event)
    mark = ledger.mark(book, INSTRUMENT)
    assert mark is not None
    assert (str(mark.price), mark.at) == (price, START + 4 * MINUTE)


def test_a_position_without_a_mark_is_named_and_left_out_of_the_sums() -> None:
    book = fold(deposit(10_000), filled("buy", 20, 100))
    equity = ledger.equity(book)
    assert equity.unpriced == [INSTRUMENT]
    assert figures(equity, "cash", "holdings", "unrealised", "exposure_gross") == [
        "8000",
        "0",
        "0",
        "0",
    ]


def test_notional_is_priced_at_the_mark_or_at_the_price_given_or_not_at_all() -> None:
    book = fold()
    two = Decimal(2_000)
    assert ledger.notional(book, PERPETUAL, two) is None
    assert ledger.notional(book, PERPETUAL, two, Decimal(50)) == 100
    assert ledger.notional(book, "NOBODY.KNOWS", two, Decimal(50)) is None
    book = fold(marked(60, PERPETUAL), into=book)
    assert ledger.notional(book, PERPETUAL, -two) == -120
    book = fold(reporting("EUR"), into=book)
    assert ledger.notional(book, PERPETUAL, two) is None
    assert (
        ledger.notional(fold(currency_rate("USDT", "0.5", "EUR"), into=book), PERPETUAL, two) == 60
    )


# Positions and identity of fills.


def test_positions_are_kept_per_strategy_and_instrument_and_net_over_strategies() -> None:
    book = fold(
        filled("buy", 3, 100),
        filled("sell", 1, 100, id="t2", strategy="other"),
        filled("buy", 7, 100, id="t3", instrument=PERPETUAL),
    )
    assert ledger.held(book, "ext", INSTRUMENT) == 3
    assert ledger.held(book, "other", INSTRUMENT) == -1
    assert ledger.held(book, "nobody", INSTRUMENT) == 0
    assert ledger.held_total(book, INSTRUMENT) == 2
    assert ledger.held_total(book, "NOBODY.KNOWS") == 0
    assert [key for key, _ in ledger.positions(book)] == [
        ("ext", "PAPER", PERPETUAL),
        ("ext", "PAPER", INSTRUMENT),
        ("other", "PAPER", INSTRUMENT),
    ]
    assert ledger.position(book, "nobody", INSTRUMENT) is None


def test_a_trade_is_folded_once_however_often_it_is_told() -> None:
    book = fold(filled("buy", 3, 100, fee=1))
    once = msgspec.json.encode(book.holdings)
    again = at(filled("buy", 3, 100, fee=1), START + 6 * DAY, id="again")
    assert not ledger.is_new_fill(ledger.evolve(book, again), again)
    assert msgspec.json.encode(book.holdings) == once
    other = at(filled("buy", 3, 100, id="t2"), START + 6 * DAY, id="other")
    assert ledger.is_new_fill(ledger.evolve(book, other), other)
    assert ledger.held(book, "ext", INSTRUMENT) == 6


def test_trade_ids_are_kept_for_seven_days_and_then_forgotten() -> None:
    book = fold()
    for day in range(30):
        fill = filled("buy", 1, 100, id=f"t{day}")
        book = fold(fill, into=book, when=START + day * DAY)
    kept = [list(ids) for ids in book.trades["PAPER"].days.values()]
    assert kept == [[f"t{day}"] for day in range(22, 30)]


def test_the_same_trade_id_at_another_venue_is_another_trade() -> None:
    elsewhere = "BTCUSDT.ELSEWHERE"
    book = fold(
        listed(elsewhere), filled("buy", 3, 100), filled("buy", 3, 100, instrument=elsewhere)
    )
    assert ledger.held(book, "ext", elsewhere) == 3


def test_a_fill_of_an_instrument_that_nobody_listed_is_a_bug() -> None:
    with pytest.raises(ImpossibleFillError, match=r"NOBODY\.KNOWS was never listed"):
        fold(filled("buy", 1, 100, instrument="NOBODY.KNOWS"))


def test_a_fill_from_another_venue_than_the_instruments_is_a_bug() -> None:
    strange = msgspec.structs.replace(filled("buy", 1, 100), venue="ELSEWHERE")
    with pytest.raises(ImpossibleFillError, match="filled at ELSEWHERE"):
        fold(strange)


def test_delisting_keeps_what_is_held_and_its_price() -> None:
    book = fold(deposit(1_000), filled("buy", 3, 100), bar(110))
    before = ledger.equity(book)
    book = fold(InstrumentDelisted(INSTRUMENT, "test", "story"), into=book, when=START + DAY)
    assert ledger.equity(book) == before


def test_a_new_listing_changes_the_tick_but_not_what_a_traded_instrument_is() -> None:
    book = fold(filled("buy", 3, 100), listed(tick="0.0001"))
    assert book.listings[INSTRUMENT].tick_size == Decimal("0.0001")
    book = fold(listed(kind="perpetual"), listed(quote="EUR"), into=book, when=START + DAY)
    assert (book.listings[INSTRUMENT].kind, book.listings[INSTRUMENT].quote_currency) == (
        "spot",
        "USDT",
    )
    book = fold(listed(PERPETUAL, quote="EUR"), into=book, when=START + DAY)
    assert book.listings[PERPETUAL].quote_currency == "EUR"  # never traded


# Properties: whole books, at every place, against an oracle that never heard of average cost.

INSTRUMENTS = (
    listed("BTCUSDT.PAPER", base="BTC"),
    listed("ETHUSDT.PAPER", base="ETH", tick="0.1", lot="0.01"),
    listed("BTCUSDT-PERP.PAPER", kind="perpetual", base="BTC", lot="1", contract="0.001"),
    listed("ETHUSDT-PERP.PAPER", kind="perpetual", base="ETH", lot="1", contract="5"),
)
ABROAD = (
    listed("BTCEUR.PAPER", base="BTC", quote="EUR"),
    listed("BTCEUR-PERP.PAPER", kind="perpetual", base="BTC", quote="EUR", contract="0.1"),
)


def amounts(units_max: int, digits_max: int, positive: bool = True) -> st.SearchStrategy[Decimal]:
    units = st.integers(1 if positive else -units_max, units_max)
    return st.builds(lambda u, d: Decimal(u).scaleb(-d), units, st.integers(0, digits_max))


prices = amounts(10**6, 4)
rates = amounts(500, 8, positive=False)


def books_of(
    listings: tuple[InstrumentListed, ...], currencies: tuple[str, ...], fees: tuple[str, ...]
) -> st.SearchStrategy[list[Event]]:
    """Any sequence of what can happen to a book; trade ids come from few, so that some repeat."""
    instruments = st.sampled_from([listing.instrument for listing in listings])
    traded = st.builds(
        filled,
        st.sampled_from(("buy", "sell")),
        amounts(5_000, 4),
        prices,
        id=st.integers(0, 60).map(str),
        strategy=st.sampled_from(("ext", "other")),
        instrument=instruments,
        fee=amounts(100, 5, positive=False),
        fee_currency=st.sampled_from(fees),
    )
    event = st.one_of(
        traded,
        traded,
        st.builds(deposit, amounts(10**6, 4), st.sampled_from(currencies)),
        st.builds(withdraw, amounts(10**4, 4), st.sampled_from(currencies)),
        st.builds(bar, prices, instrument=instruments),
        st.builds(quote, prices, prices, instrument=instruments),
        st.builds(trade, prices, instrument=instruments),
        st.builds(marked, prices, instruments),
        st.builds(funding_rate, rates, prices, instruments),
        st.builds(late_fee, amounts(100, 5), st.sampled_from(fees), instrument=instruments),
    )
    opening: list[Event] = [*listings, reporting()]
    opening += [bar(50, instrument=listing.instrument) for listing in listings]
    return st.lists(event, max_size=30).map(lambda told: opening + told)


AT_HOME = books_of(INSTRUMENTS, ("USDT",), ("USDT",))
EVERYWHERE = books_of(INSTRUMENTS + ABROAD, ("USDT", "EUR"), ("USDT", "EUR", "BTC", "BNB"))


class Naive:
    """A book in fractions: cash and quantities alone, as if everything were paid for in cash.

    A perpetual paid for in full and worth its notional has the same equity as one that is
    settled by its gains; so no average cost is needed to know what a book is worth.
    """

    def __init__(self) -> None:
        self.listings: dict[str, InstrumentListed] = {}
        self.marks: dict[str, Fraction] = {}
        self.rates: dict[str, Fraction] = {}
        self.quantity: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self.cash: dict[str, Fraction] = defaultdict(Fraction)
        self.given: dict[str, Fraction] = defaultdict(Fraction)
        self.fees: dict[str, Fraction] = defaultdict(Fraction)
        self.funding: dict[str, Fraction] = defaultdict(Fraction)
        self.seen: set[str] = set()

    def tell(self, event: Event) -> None:
        match event:
            case InstrumentListed(instrument=instrument):
                self.listings[instrument] = event
            case CashDeposited() | CashWithdrawn():
                sign = 1 if isinstance(event, CashDeposited) else -1
                self._add(self.given, event.currency, sign * Fraction(event.amount))
            case OrderFilled(trade_id=trade_id) if trade_id not in self.seen:
                self.seen.add(trade_id)
                self._trade(event)
            case FeeCharged(currency=currency, amount=amount):
                self._add(self.fees, currency, Fraction(amount), -1)
            case FundingRatePublished(instrument=instrument):
                self._fund(self.listings[instrument], Fraction(event.rate) * Fraction(event.mark))
            case BarClosed(close=price) | TradePrinted(price=price) | MarkUpdated(price=price):
                self.marks[event.instrument] = Fraction(price)
            case QuoteUpdated(bid=bid, ask=ask):
                self.marks[event.instrument] = (Fraction(bid) + Fraction(ask)) / 2
            case CurrencyRateUpdated(currency=currency, rate=rate):
                self.rates[currency] = Fraction(rate)

    def _add(
        self, book: dict[str, Fraction], currency: str, amount: Fraction, to_cash: int = 1
    ) -> None:
        book[currency] += amount
        self.cash[currency] += to_cash * amount

    def _trade(self, fill: OrderFilled) -> None:
        listing = self.listings[fill.instrument]
        signed = Fraction(fill.quantity) * (1 if fill.side == "buy" else -1)
        self.quantity[fill.strategy, fill.instrument] += signed
        paid = signed * Fraction(listing.contract_size) * Fraction(fill.price)
        self.cash[listing.quote_currency] -= paid
        self._add(self.fees, fill.fee_currency, Fraction(fill.fee), -1)

    def _fund(self, listing: InstrumentListed, rate: Fraction) -> None:
        size = Fraction(listing.contract_size)
        for (_, instrument), quantity in self.quantity.items():
            if instrument == listing.instrument and listing.kind == "perpetual":
                self._add(self.funding, listing.quote_currency, -quantity * size * rate)

    def equity(self) -> Fraction:
        total = sum((cash * self.rates[name] for name, cash in self.cash.items()), Fraction(0))
        for (_, instrument), quantity in self.quantity.items():
            listing = self.listings[instrument]
            value = quantity * Fraction(listing.contract_size) * self.marks[instrument]
            total += value * self.rates[listing.quote_currency]
        return total


def told_twice(events: Iterable[Event]) -> Iterable[tuple[Ledger, Naive]]:
    """The ledger and the oracle after each event."""
    book, naive = ledger.initial(), Naive()
    naive.rates["USDT"] = Fraction(1)
    for place, event in enumerate(events):
        book = ledger.evolve(book, at(event, START + place * MINUTE, id=f"q{place}"))
        naive.tell(event)
        yield book, naive


@given(AT_HOME)
def test_at_every_place_equity_is_what_came_in_and_what_was_earned(events: list[Event]) -> None:
    """deposits - withdrawals + realised + unrealised - fees + funding, exactly."""
    for book, naive in told_twice(events):
        now = ledger.equity(book)
        given, fees, funding = (side["USDT"] for side in (naive.given, naive.fees, naive.funding))
        earned = Fraction(now.realised) + Fraction(now.unrealised)
        assert Fraction(now.equity) == given + earned - fees + funding
        assert Fraction(now.equity) == naive.equity()
        assert Fraction(now.fees) == fees
        assert Fraction(now.funding) == funding
        assert Fraction(ledger.net_deposits(book)) == given
        parts = (now.cash, now.holdings, now.unrealised_perpetual)
        assert Fraction(now.equity) == sum(map(Fraction, parts))
        net = Fraction(now.realised) - fees + funding
        assert Fraction(ledger.realised_net(book)) == net
        assert now.unpriced == []


@pytest.mark.slow
@given(EVERYWHERE, rates, rates)
def test_with_many_currencies_only_conversion_rounds(
    events: list[Event], euro: Decimal, coin: Decimal
) -> None:
    """Each of the other currencies adds at most half of 10**-18 to the error of each sum."""
    known = [
        currency_rate("EUR", abs(euro) + 1),
        currency_rate("BNB", abs(coin) + 1),
        currency_rate("BTC", 50),
    ]
    for book, naive in told_twice([*known, *events]):
        now = ledger.equity(book)
        off = abs(Fraction(now.equity) - naive.equity())
        assert off <= 3 * 3 * Fraction(1, 2 * 10**18)  # currencies x sums that make up equity
        assert ledger.net_worth(book) == (now.equity, now.unpriced)
        assert now.unpriced == []


def _traded(book: Ledger) -> Iterable[InstrumentListed]:
    return (book.listings[instrument] for instrument in book.holdings)


@given(EVERYWHERE)
def test_quantities_are_the_sum_of_the_fills_at_every_place(events: list[Event]) -> None:
    for book, naive in told_twice(events):
        for (strategy, instrument), quantity in naive.quantity.items():
            assert Fraction(ledger.held(book, strategy, instrument)) == quantity
        for listing in _traded(book):
            parts = (naive.quantity[name, listing.instrument] for name in ("ext", "other"))
            assert Fraction(ledger.held_total(book, listing.instrument)) == sum(parts)


@given(EVERYWHERE)
def test_the_accounts_are_the_sum_of_the_holdings(events: list[Event]) -> None:
    for book, _ in told_twice(events):
        realised: dict[str, Fraction] = defaultdict(Fraction)
        for (_, _, instrument), position in ledger.positions(book):
            currency = book.listings[instrument].quote_currency
            realised[currency] += Fraction(average_cost.realised(position))
        for currency, account in book.accounts.items():
            kept = Fraction(account.realised.units, 10**account.realised.scale)
            assert kept == realised[currency]


@given(EVERYWHERE)
def test_telling_every_fill_again_changes_nothing(events: list[Event]) -> None:
    once, twice = ledger.initial(), ledger.initial()
    for place, event in enumerate(events):
        record = at(event, START + place * MINUTE, id=f"q{place}")
        ledger.evolve(once, record)
        ledger.evolve(twice, record)
        if isinstance(event, OrderFilled):
            ledger.evolve(twice, record)
    assert snapshot(once) == snapshot(twice)


@given(EVERYWHERE, st.integers(0, 40))
def test_a_restart_in_the_middle_gives_the_same_bytes(events: list[Event], cut: int) -> None:
    recorded = [at(event, START + n * MINUTE, id=f"q{n}") for n, event in enumerate(events)]
    whole, first = ledger.initial(), ledger.initial()
    for record in recorded:
        ledger.evolve(whole, record)
    for record in recorded[:cut]:
        ledger.evolve(first, record)
    restored = msgspec.json.decode(snapshot(first), type=Ledger)
    assert restored == first
    for record in recorded[cut:]:
        ledger.evolve(restored, record)
    assert snapshot(restored) == snapshot(whole)


def snapshot(book: Ledger) -> bytes:
    return msgspec.json.encode(book, order="deterministic")


def test_what_is_not_about_money_leaves_the_ledger_alone() -> None:
    book = fold(deposit(1))
    before = snapshot(book)
    assert snapshot(fold(HaltRequested("test", "story"), into=book)) == before
