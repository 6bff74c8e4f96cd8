"""JSON document of `asof`: the book at a point, amounts as text, ages in seconds."""

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.money import worth
from deadreckon.contracts.amounts import EXACT, ZERO, canonical, ratio, text
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import FundingRatePublished
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FeeCharged
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.projections.tables import orders
from deadreckon.replay.asof.answer import BookAsof, KnownAs, LateEvent
from deadreckon.replay.asof.fold import BookState, SetBy, halts_in_force

Document = dict[str, Any]

_ORDER = (
    "order_id",
    "parent_id",
    "client_order_id",
    "status",
    "strategy",
    "instrument",
    "venue",
    "side",
    "purpose",
    "order_type",
    "time_in_force",
    "reduce_only",
    "quantity",
    "notional",
    "leaves",
    "filled_quantity",
    "average_price",
    "limit_price",
    "stop_price",
    "cancelling",
)

_encode = msgspec.json.Encoder(order="deterministic").encode


def document(found: BookAsof, asked: str, book: str, known: KnownAs = "both") -> Document:
    """Make the document of a result: the requested views of the book, their differences, and the
    late events that explain them."""
    then = None if known == "now" else book_at(found.then)
    now = None if found.now is None else book_at(found.now)
    return {
        "asked": asked,
        "book": book,
        "sequence": found.then.sequence,
        "index": found.then.index,
        "at": format_timestamp(found.then.now),
        "last_sequence": found.last_sequence,
        "then": then,
        "now": now,
        "differences": list(_differences("", then, now)) if then and now else [],
        "late": [_late(one) for one in found.late],
    }


def book_at(state: BookState) -> Document:
    """Make the document of a book, with a digest over all of it."""
    found = {
        "equity": _equity(state),
        "cash": _texts(ledger.cash_by_currency(state.ledger)),
        "positions": [_position(state, key, held) for key, held in ledger.holdings(state.ledger)],
        "orders": [_order(state, row) for row in state.orders.values()],
        "halts": [
            {"id": name, **_halt(state, halt)} for name, halt in halts_in_force(state).items()
        ],
        "limits": _limits(state),
        "allocations": _allocations(state),
        "strategies": [_strategy(state, name) for name in sorted(state.strategies)],
        "models": [_model(state, name) for name in sorted(state.models)],
        "marks": [_mark(state, instrument) for instrument in sorted(state.ledger.marks)],
    }
    return found | {"digest": hashlib.sha256(_encode(found)).hexdigest()}


def _equity(state: BookState) -> Document:
    now = ledger.equity(state.ledger)
    net = EXACT.add(EXACT.subtract(now.realised, now.fees), EXACT.add(now.unrealised, now.funding))
    amounts = {
        "equity": now.equity,
        "cash": now.cash,
        "holdings": now.holdings,
        "unrealised_perpetual": now.unrealised_perpetual,
        "realised": now.realised,
        "unrealised": now.unrealised,
        "fees": now.fees,
        "funding": now.funding,
        "net": canonical(net),
        "exposure_gross": now.exposure_gross,
        "exposure_net": now.exposure_net,
        "deposited": ledger.net_deposits(state.ledger),
        "peak": state.marked.peak if state.marked else None,
    }
    found = {"currency": state.ledger.reporting} | _texts(amounts)
    return found | {"unpriced": now.unpriced}


def _position(state: BookState, key: ledger.PositionKey, held: ledger.Holding) -> Document:
    strategy, venue, instrument = key
    price = ledger.mark(state.ledger, instrument)
    gain = average_cost.unrealised(held.position, price.price) if price else None
    return {
        "strategy": strategy,
        "venue": venue,
        "instrument": instrument,
        "quantity": text(average_cost.quantity(held.position)),
        "average_price": text(average_cost.average_price(held.position)),
        "cost": text(average_cost.cost(held.position)),
        "mark": text(price.price) if price else None,
        "realised": text(average_cost.realised(held.position)),
        "unrealised": None if gain is None else text(gain),
        "fees": _texts({name: canonical(worth(fee)) for name, fee in sorted(held.fees.items())}),
        "funding": text(canonical(worth(held.funding))),
        "currency": state.ledger.listings[instrument].quote_currency,
    }


def _order(state: BookState, row: orders.OrderRow) -> Document:
    begun = row.approved_at if row.approved_at is not None else row.submitted_at
    found = {name: _plain(getattr(row, name)) for name in _ORDER}
    return found | {"age_seconds": _age(state, begun or 0)}


def _halt(state: BookState, halt: Any) -> Document:
    return {
        "scope": halt.scope,
        "rule": halt.rule,
        "until": None if halt.until is None else format_timestamp(halt.until),
        "limit": _plain(halt.limit),
        "measured": _plain(halt.measured),
        "limit_set_by": halt.limit_set_by,
        "acknowledged": list(halt.acknowledged),
        "set_by": _set_by(state, halt.set_by),
    }


def _limits(state: BookState) -> Document | None:
    """Return the limits in force; None before the first LimitsSet, when nothing trades."""
    if state.limits is None:
        return None
    values = msgspec.to_builtins(state.limits.values)
    for name in ("actor", "reason"):
        del values[name]
    return {"set_by": _set_by(state, state.limits.set_by), "values": values}


def _allocations(state: BookState) -> list[Document]:
    """Return each strategy's cap, and its gross exposure at marks with its share of equity."""
    caps = state.limits.values.strategy_allocations if state.limits else {}
    exposures = _exposures(state)
    equity = ledger.equity(state.ledger).equity
    return [
        {
            "strategy": name,
            "cap": _plain(caps.get(name)),
            "exposure": text(exposures.get(name, ZERO)),
            "weight": text(ratio(exposures.get(name, ZERO), equity)) if equity > 0 else None,
        }
        for name in sorted({*caps, *exposures, *state.strategies})
    ]


def _exposures(state: BookState) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for (strategy, _, instrument), held in ledger.positions(state.ledger):
        size = average_cost.quantity(held)
        notional = ledger.notional(state.ledger, instrument, size) if size else None
        before = found.get(strategy, ZERO)
        found[strategy] = canonical(EXACT.add(before, EXACT.abs(notional or ZERO)))
    return found


def _strategy(state: BookState, name: str) -> Document:
    found = state.strategies[name]
    values: Document = msgspec.to_builtins(found.values)
    for record in ("actor", "reason"):
        del values[record]
    return values | {"set_by": _set_by(state, found.set_by)}


def _model(state: BookState, name: str) -> Document:
    model = state.models[name]
    return {
        "model_id": model.model_id,
        "strategy": model.strategy,
        "instrument": model.instrument,
        "states": model.states,
        "labels": model.labels,
        "samples": model.samples,
        "window_from": format_timestamp(model.window_from),
        "window_to": format_timestamp(model.window_to),
        "set_by": _set_by(state, model.set_by),
    }


def _mark(state: BookState, instrument: str) -> Document:
    mark = state.ledger.marks[instrument]
    return {
        "instrument": instrument,
        "price": text(mark.price),
        "at": format_timestamp(mark.at),
        "age_seconds": _age(state, mark.at),
    }


def _set_by(state: BookState, found: SetBy) -> Document:
    return {
        "id": found.id,
        "sequence": found.sequence,
        "index": found.index,
        "actor": found.actor,
        "reason": found.reason,
        "at": format_timestamp(found.at) if found.at else None,  # None: before any clock
        "age_seconds": _age(state, found.at),
    }


def _late(one: LateEvent) -> Document:
    late = one.late
    return {
        "id": one.record.id,
        "type": type(one.record.event).__name__,
        "sequence": late.sequence,
        "index": late.index,
        "effective_at": format_timestamp(late.effective_at),
        "recorded_at": format_timestamp(late.at),
        "late_by_seconds": (late.at - late.effective_at) / NANOSECONDS,
        "says": _says(one),
    }


def _says(one: LateEvent) -> str:
    match one.record.event:
        case FeeCharged() as fee:
            about = f"{fee.strategy} for {fee.instrument}"
            return f"a fee of {text(fee.amount)} {fee.currency} to {about}: {fee.reason}"
        case FundingRatePublished() as funding:
            booked = ", ".join(f"{name} {text(it)}" for name, it in one.late.booked.items())
            rate = f"{funding.instrument} funding at {text(funding.rate)}"
            return f"{rate}: {booked or 'nobody held any'}"
        case OrderFilled() as fill:
            what = f"{fill.side} {text(fill.quantity)} {fill.instrument} at {text(fill.price)}"
            return f"{fill.strategy}: {what}, trade {fill.trade_id}"
        case event:
            return type(event).__name__


def _differences(path: str, then: Any, now: Any) -> Iterator[Document]:
    """Yield the leaves that differ, by path; list entries are compared by name, or else by
    index."""
    if then == now or path == "digest":
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for name in [*then, *(name for name in now if name not in then)]:
            inner = f"{path}.{name}" if path else name
            yield from _differences(inner, then.get(name), now.get(name))
    elif isinstance(then, list) and isinstance(now, list):
        yield from _differences(path, _by_name(then), _by_name(now))
    else:
        found = {"path": path, "then": then, "now": now}
        yield found | {"difference": _difference(then, now)}


def _by_name(entries: list[Any]) -> dict[str, Any]:
    """Convert a list to an object: entries by name where they have one, whatever their index."""
    return {_name(entry, number): entry for number, entry in enumerate(entries)}


def _name(entry: Any, number: int) -> str:
    if not isinstance(entry, dict):
        return str(number)
    named = [entry[key] for key in ("order_id", "id", "model_id") if key in entry]
    if named:
        return str(named[0])
    parts = [entry[key] for key in ("strategy", "instrument") if key in entry]
    return "/".join(map(str, parts)) or str(number)


def _difference(then: Any, now: Any) -> str | None:
    """Return now - then of two amounts as text; None for other values."""
    try:
        return text(EXACT.subtract(Decimal(now), Decimal(then)))
    except (ArithmeticError, TypeError, ValueError):
        return None


def _age(state: BookState, since: int) -> float | None:
    return (state.now - since) / NANOSECONDS if since else None


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, Decimal) else value


def _texts(amounts: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(amount) for name, amount in amounts.items()}
