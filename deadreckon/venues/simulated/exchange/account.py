"""Account of the exchange: its clock, its orders, and the trades they make.

The account's cash moves by the whole notional and the fee of each trade, as on a spot market, but
it may fall below nothing and a position may be short, as with a perpetual: nothing is lent or
funded, and no margin is asked for. So cash and positions are sums over the trades, whatever order
those came in.
"""

import heapq
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins

from deadreckon.contracts.amounts import (
    EXACT,
    ROUNDING,
    ZERO,
    canonical,
    decimals,
    product,
    text,
    to_units,
)
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.fields import OrderType, Side, TimeInForce
from deadreckon.venues.simulated.exchange import matching
from deadreckon.venues.simulated.exchange.market import BASE_TICKS_MIN, PricePath
from deadreckon.venues.simulated.exchange.matching import TradeStart
from deadreckon.venues.simulated.exchange.orders import (
    ExchangeOrder,
    ExchangeTrade,
    RefusedError,
    Symbol,
    in_steps,
    next_trade_lots,
    trade_id,
    venue_order_id,
)
from deadreckon.venues.simulated.exchange.store import ExchangeStore

FEE_STEP = Decimal("0.00000001")  # fees are rounded half-even to it
AT_MAX = 2**63 - 1
NAME = r"^[A-Za-z0-9_-]{1,64}\Z"  # of an order: it stands in addresses
AHEAD = 86_400 * NANOSECONDS  # how far the path is searched at once for where an order begins
TRADES_MAX = 500  # of one answer


class NewOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order as it is sent."""

    client_order_id: Annotated[str, Meta(pattern=NAME)]
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    at: int
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = "gtc"
    post_only: bool = False
    reduce_only: bool = False


class ExchangeAccount:
    """Only account of the exchange.

    Every method that changes something needs a transaction of the store around it; `record`
    collects the reports that are to be pushed.
    """

    def __init__(self, book: ExchangeStore, seed: str) -> None:
        self.record: list[dict[str, Any]] = []
        self._book = book
        self._seed = seed
        self._paths: dict[str, PricePath] = {}
        self._starts: dict[str, tuple[TradeStart | None, int]] = {}

    # --- Requests at the admin port ---------------------------------------------------------------

    def list_symbol(self, symbol: Symbol) -> None:
        """Let a symbol trade; the same again changes nothing. Raises RefusedError."""
        base = in_steps(symbol.base_price, symbol.tick_size, "base_price")
        if base < BASE_TICKS_MIN or symbol.lot_size <= 0:
            raise RefusedError(400, "bad_request", f"a base of {BASE_TICKS_MIN} ticks, a lot")
        symbols = self._symbols()
        if symbols.setdefault(symbol.symbol, symbol) != symbol:
            raise RefusedError(409, "symbol_differs", f"{symbol.symbol} trades in other terms")
        self._book.keep("symbols", symbols)

    def deposit(self, id: str, currency: str, amount: Decimal) -> None:
        """Put cash into the account, once per id."""
        deposits: list[str] = self._book.cell("deposits", list[str], [])
        if id in deposits:
            return
        self._book.keep("deposits", [*deposits, id])
        self._move("cash", currency, amount)

    def price(self, symbol: str, at: int) -> Decimal:
        """Return the path's price at a moment (nanoseconds UTC). Raises RefusedError."""
        terms = self._terms(symbol)
        return product(Decimal(self._path(terms).price(at // NANOSECONDS)), terms.tick_size)

    # --- Requests at the trading port -------------------------------------------------------------

    def submit(self, new: NewOrder) -> ExchangeOrder:
        """Take an order. What came before its time is played first. Raises RefusedError."""
        if self._book.order(new.client_order_id) is not None:
            name = new.client_order_id
            raise RefusedError(409, "duplicate_client_order_id", f"{name} was sent before")
        order = self._read(new)
        self._starts.pop(order.client_order_id, None)  # of one whose transaction failed
        self.advance(new.at - 1)
        self._book.put(order)
        self._tell(order)
        # A reduce-only order waits for its moment, so that it does not matter which of two orders
        # of one moment comes first; for all others nothing matters but the path.
        clock = self.clock()
        self._play([order], clock if order.reduce_only else max(clock, order.at))
        return order

    def cancel(self, client_order_id: str, at: int) -> ExchangeOrder:
        """End what is open of an order; it trades before `at` but not then. Raises RefusedError."""
        _check_time(at)
        if self._book.order(client_order_id) is None:
            raise RefusedError(404, "unknown_order", f"no order {client_order_id}")
        self.advance(at - 1)
        order = self.order(client_order_id)
        if not order.open:
            raise RefusedError(409, "order_ended", f"{client_order_id} is no longer open")
        self._end(order, "requested")
        return order

    def order(self, client_order_id: str) -> ExchangeOrder:
        """Return an order. Raises RefusedError (unknown_order)."""
        order = self._book.order(client_order_id)
        if order is None:
            raise RefusedError(404, "unknown_order", f"no order {client_order_id}")
        return order

    def advance(self, at: int) -> int:
        """Play the market up to and with `at` (nanoseconds UTC), unless it is there already; where
        it stands after."""
        clock = self.clock()
        if at <= clock:
            return clock
        _check_time(at)
        self._play(self._book.orders(only_open=True), at)
        self._book.keep("clock", at)
        return at

    def clock(self) -> int:
        """Return how far the market was played (nanoseconds UTC)."""
        return self._book.cell("clock", int, 0)

    # --- How things stand, in the words of the wire -----------------------------------------------

    def status(self, order: ExchangeOrder) -> dict[str, Any]:
        """Encode the status of an order."""
        return {
            "client_order_id": order.client_order_id,
            "venue_order_id": venue_order_id(order),
            "filled": text(product(Decimal(order.filled), self._terms(order.symbol).lot_size)),
            "open": order.open,
            "outcome": order.outcome,
            "reason": order.reason,
        }

    def open_statuses(self) -> list[dict[str, Any]]:
        """Encode the status of each open order."""
        return [self.status(order) for order in self._book.orders(only_open=True)]

    def trades(self, since: int) -> list[dict[str, Any]]:
        """Return a page of the trades after a number."""
        trades: list[dict[str, Any]] = to_builtins(self._book.trades(since, TRADES_MAX))
        return trades

    def cash(self) -> dict[str, str]:
        """Return what the account holds of each currency."""
        return self._book.cell("cash", dict[str, str], {})

    def positions(self) -> dict[str, str]:
        """Return the signed quantity of each symbol; those that are flat are left out."""
        return self._book.cell("positions", dict[str, str], {})

    def detail(self, order: ExchangeOrder) -> dict[str, Any]:
        """Return all of an order: as it was sent, and its status."""
        terms = self._terms(order.symbol)
        prices = {"limit_price": order.limit, "stop_price": order.stop}
        sent: dict[str, Any] = {
            name: None if ticks is None else text(product(Decimal(ticks), terms.tick_size))
            for name, ticks in prices.items()
        }
        for name in ("symbol", "side", "type", "time_in_force", "post_only", "reduce_only", "at"):
            sent[name] = getattr(order, name)
        sent["quantity"] = text(product(Decimal(order.quantity), terms.lot_size))
        return self.status(order) | sent | {"number": order.number, "trades": order.trades}

    # --- Inside -----------------------------------------------------------------------------------

    def _read(self, new: NewOrder) -> ExchangeOrder:
        _check_time(new.at)
        terms = self._terms(new.symbol)
        needs = {"limit": "limit_price", "stop": "stop_price"}
        for word, field in needs.items():
            wanted = word in new.type.split("_")
            if wanted != (getattr(new, field) is not None):
                raise RefusedError(400, "missing_price", f"{new.type} and {field}")
        order = ExchangeOrder(
            number=self._book.order_count() + 1,
            client_order_id=new.client_order_id,
            symbol=new.symbol,
            side=new.side,
            quantity=in_steps(new.quantity, terms.lot_size, "lot_size"),
            type=new.type,
            limit=_ticks(new.limit_price, terms),
            stop=_ticks(new.stop_price, terms),
            time_in_force=new.time_in_force,
            post_only=new.post_only,
            reduce_only=new.reduce_only,
            at=new.at,
        )
        if new.post_only and matching.takes_at_once(order, self._path(terms)):
            raise RefusedError(400, "post_only_would_take", "it would trade at once")
        return order

    def _play(self, orders: Iterable[ExchangeOrder], until: int) -> None:
        """Let orders trade, one moment after the other; at one moment the older order first."""
        ahead: list[tuple[int, int, str, ExchangeOrder, TradeStart]] = []
        for order in orders:
            self._plan(ahead, order, until)
        while ahead:
            moment, _, _, order, begun = heapq.heappop(ahead)
            self._strike(order, begun, moment)
            self._plan(ahead, order, until)

    def _plan(
        self,
        ahead: list[tuple[int, int, str, ExchangeOrder, TradeStart]],
        order: ExchangeOrder,
        until: int,
    ) -> None:
        begun = self._start(order, until) if order.open else None
        if begun is None:
            return
        moment = matching.next_moment(order, begun)
        if moment <= until:
            heapq.heappush(ahead, (moment, order.at, order.client_order_id, order, begun))

    def _start(self, order: ExchangeOrder, until: int) -> TradeStart | None:
        found, searched = self._starts.get(order.client_order_id, (None, -1))
        if found is None and searched < until:
            searched = min(until + AHEAD, AT_MAX)
            found = matching.trade_start(order, self._path(self._terms(order.symbol)), searched)
            self._starts[order.client_order_id] = (found, searched)
        return found

    def _strike(self, order: ExchangeOrder, begun: TradeStart, moment: int) -> None:
        """Carry out an order's moment: a trade, its end, or both."""
        if begun.killed:
            reason = {"ioc": "immediate_or_cancel", "fok": "fill_or_kill"}[order.time_in_force]
            return self._end(order, reason)
        wanted = next_trade_lots(order)
        possible = self._reducible(order) if order.reduce_only else order.quantity
        if order.time_in_force == "fok" and possible < order.quantity - order.filled:
            return self._end(order, "fill_or_kill")
        if possible:
            self._trade(order, begun, moment, min(wanted, possible))
        if possible < wanted:
            return self._end(order, "reduce_only")
        if order.filled == order.quantity:
            return self._close(order)
        if why := matching.ends_after_trade(order):
            return self._end(order, why)
        return self._book.put(order)

    def _trade(self, order: ExchangeOrder, begun: TradeStart, moment: int, lots: int) -> None:
        terms = self._terms(order.symbol)
        ticks = matching.price(order, begun, self._path(terms), moment)
        quantity = product(Decimal(lots), terms.lot_size)
        price = product(Decimal(ticks), terms.tick_size)
        notional = product(quantity, price)
        rates = {"maker": terms.maker_fee_rate, "taker": terms.taker_fee_rate}
        fee = product(notional, rates[begun.liquidity]).quantize(
            FEE_STEP, ROUND_HALF_EVEN, ROUNDING
        )
        trade = ExchangeTrade(
            number=self._book.trade_count() + 1,
            trade_id=trade_id(order),
            client_order_id=order.client_order_id,
            side=order.side,
            quantity=text(quantity),
            price=text(price),
            liquidity=begun.liquidity,
            fee=text(canonical(fee)),
            fee_currency=terms.quote_currency,
            traded_at=moment,
            symbol=order.symbol,
        )
        self._book.add_trade(trade)
        order.trades += 1
        order.filled += lots
        bought = order.side == "buy"
        self._move("positions", order.symbol, quantity if bought else quantity.copy_negate())
        paid = notional if bought else notional.copy_negate()
        self._move("cash", terms.quote_currency, EXACT.add(paid, fee).copy_negate())
        self.record.append({"type": "trade"} | to_builtins(trade))

    def _reducible(self, order: ExchangeOrder) -> int:
        """Compute the lots an order may trade to close the account's position and no more."""
        held = Decimal(self.positions().get(order.symbol, "0"))
        against = held.copy_negate() if order.side == "buy" else held
        if against <= 0:
            return 0
        lot = self._terms(order.symbol).lot_size
        scale = max(decimals(lot), decimals(against))
        return to_units(against, scale) // to_units(lot, scale)

    def _end(self, order: ExchangeOrder, reason: str) -> None:
        order.outcome, order.reason = "cancelled", reason
        self._close(order)

    def _close(self, order: ExchangeOrder) -> None:
        order.open = False
        self._starts.pop(order.client_order_id, None)
        self._book.put(order)
        self._tell(order)

    def _tell(self, order: ExchangeOrder) -> None:
        self.record.append({"type": "order"} | self.status(order))

    def _move(self, cell: str, name: str, amount: Decimal) -> None:
        held: dict[str, str] = self._book.cell(cell, dict[str, str], {})
        total = EXACT.add(Decimal(held.get(name, "0")), amount)
        held[name] = text(canonical(total))
        if total == ZERO and cell == "positions":
            del held[name]
        self._book.keep(cell, held)

    def _symbols(self) -> dict[str, Symbol]:
        return self._book.cell("symbols", dict[str, Symbol], {})

    def _terms(self, symbol: str) -> Symbol:
        terms = self._symbols().get(symbol)
        if terms is None:
            raise RefusedError(400, "unknown_symbol", f"{symbol} does not trade here")
        return terms

    def _path(self, terms: Symbol) -> PricePath:
        path = self._paths.get(terms.symbol)
        if path is None:
            base = in_steps(terms.base_price, terms.tick_size, "base_price")
            path = self._paths[terms.symbol] = PricePath(self._seed, terms.symbol, base)
        return path


def _ticks(price: Decimal | None, terms: Symbol) -> int | None:
    return None if price is None else in_steps(price, terms.tick_size, "tick_size")


def _check_time(at: int) -> None:
    if not 0 < at <= AT_MAX:
        raise RefusedError(400, "bad_request", f"at {at}: nanoseconds UTC since 1970 expected")
