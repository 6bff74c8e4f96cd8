"""Builds the document of `asof` from a folded book: amounts as exact text, ages in seconds."""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import structs

from deadreckon.accounting import average_cost, ledger
from deadreckon.accounting.halts import Halt
from deadreckon.accounting.money import worth
from deadreckon.contracts.amounts import EXACT, ZERO, canonical, ratio, text
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.market import FundingRatePublished
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.portfolio import FeeCharged
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.projections.tables import orders
from deadreckon.replay.asof.answer import BookAsof, KnownAs, LateEvent
from deadreckon.replay.asof.differences import differences
from deadreckon.replay.asof.document import (
    AllocationDocument,
    AsofDocument,
    BookDocument,
    EquityDocument,
    HaltDocument,
    LateEventDocument,
    LimitsDocument,
    LimitValues,
    MarkDocument,
    ModelDocument,
    OrderDocument,
    PositionDocument,
    SetByDocument,
    StrategyDocument,
)
from deadreckon.replay.asof.fold import BookState, SetBy, halts_in_force

_encode = msgspec.json.Encoder(order="deterministic").encode


def document(found: BookAsof, asked: str, book: str, known: KnownAs = "both") -> AsofDocument:
    """Make the document of a result: the requested views of the book, their differences, and the
    late events that explain them."""
    then = None if known == "now" else book_at(found.then)
    now = None if found.now is None else book_at(found.now)
    return AsofDocument(
        asked=asked,
        book=book,
        sequence=found.then.sequence,
        index=found.then.index,
        at=format_timestamp(found.then.now),
        last_sequence=found.last_sequence,
        then=then,
        now=now,
        differences=differences(then, now) if then and now else [],
        late=[_late(one) for one in found.late],
    )


def book_at(state: BookState) -> BookDocument:
    """Make the document of a book, with a digest over all of it."""
    found = BookDocument(
        equity=_equity(state),
        cash=_texts(ledger.cash_by_currency(state.ledger)),
        positions=[_position(state, key, held) for key, held in ledger.holdings(state.ledger)],
        orders=[_order(state, row) for row in state.orders.values()],
        halts=[_halt(state, name, halt) for name, halt in halts_in_force(state).items()],
        limits=_limits(state),
        allocations=_allocations(state),
        strategies=[_strategy(state, name) for name in sorted(state.strategies)],
        models=[_model(state, name) for name in sorted(state.models)],
        marks=[_mark(state, instrument) for instrument in sorted(state.ledger.marks)],
    )
    content = msgspec.to_builtins(found)
    del content["digest"]
    return structs.replace(found, digest=hashlib.sha256(_encode(content)).hexdigest())


def _equity(state: BookState) -> EquityDocument:
    now = ledger.equity(state.ledger)
    net = EXACT.add(EXACT.subtract(now.realised, now.fees), EXACT.add(now.unrealised, now.funding))
    return EquityDocument(
        currency=state.ledger.reporting,
        equity=text(now.equity),
        cash=text(now.cash),
        holdings=text(now.holdings),
        unrealised_perpetual=text(now.unrealised_perpetual),
        realised=text(now.realised),
        unrealised=text(now.unrealised),
        fees=text(now.fees),
        funding=text(now.funding),
        net=text(canonical(net)),
        exposure_gross=text(now.exposure_gross),
        exposure_net=text(now.exposure_net),
        deposited=text(ledger.net_deposits(state.ledger)),
        peak=text(state.marked.peak) if state.marked else None,
        unpriced=now.unpriced,
    )


def _position(state: BookState, key: ledger.PositionKey, held: ledger.Holding) -> PositionDocument:
    strategy, venue, instrument = key
    mark = ledger.mark(state.ledger, instrument)
    gain = average_cost.unrealised(held.position, mark.price) if mark else None
    return PositionDocument(
        strategy=strategy,
        venue=venue,
        instrument=instrument,
        quantity=text(average_cost.quantity(held.position)),
        average_price=text(average_cost.average_price(held.position)),
        cost=text(average_cost.cost(held.position)),
        mark=text(mark.price) if mark else None,
        realised=text(average_cost.realised(held.position)),
        unrealised=_amount(gain),
        fees=_texts({name: canonical(worth(fee)) for name, fee in sorted(held.fees.items())}),
        funding=text(canonical(worth(held.funding))),
        currency=state.ledger.listings[instrument].quote_currency,
    )


def _order(state: BookState, row: orders.OrderRow) -> OrderDocument:
    begun = row.approved_at if row.approved_at is not None else row.submitted_at
    columns = {
        name: _plain(getattr(row, name))
        for name in OrderDocument.__struct_fields__
        if name != "age_seconds"
    }
    return OrderDocument(**columns, age_seconds=_age(state, begun or 0))


def _halt(state: BookState, name: str, halt: Halt) -> HaltDocument:
    return HaltDocument(
        id=name,
        scope=halt.scope,
        rule=halt.rule,
        until=None if halt.until is None else format_timestamp(halt.until),
        limit=_amount(halt.limit),
        measured=_amount(halt.measured),
        limit_set_by=halt.limit_set_by,
        acknowledged=list(halt.acknowledged),
        set_by=_set_by(state, state.halts_set_by[name]),
    )


def _limits(state: BookState) -> LimitsDocument | None:
    """Return the limits in force; None before the first LimitsSet, when nothing trades."""
    if state.limits is None:
        return None
    values = {name: getattr(state.limits.values, name) for name in LimitValues.__struct_fields__}
    return LimitsDocument(_set_by(state, state.limits.set_by), LimitValues(**values))


def _allocations(state: BookState) -> list[AllocationDocument]:
    """Return each strategy's cap, and its gross exposure at marks with its share of equity."""
    caps = state.limits.values.strategy_allocations if state.limits else {}
    exposures = _exposures(state)
    equity = ledger.equity(state.ledger).equity
    return [
        AllocationDocument(
            strategy=name,
            cap=_amount(caps.get(name)),
            exposure=text(exposures.get(name, ZERO)),
            weight=text(ratio(exposures.get(name, ZERO), equity)) if equity > 0 else None,
        )
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


def _strategy(state: BookState, name: str) -> StrategyDocument:
    found = state.strategies[name]
    values: dict[str, Any] = msgspec.to_builtins(found.values)
    for author in ("actor", "reason"):
        del values[author]
    return StrategyDocument(**values, set_by=_set_by(state, found.set_by))


def _model(state: BookState, name: str) -> ModelDocument:
    model = state.models[name]
    return ModelDocument(
        model_id=model.model_id,
        strategy=model.strategy,
        instrument=model.instrument,
        states=model.states,
        labels=model.labels,
        samples=model.samples,
        window_from=format_timestamp(model.window_from),
        window_to=format_timestamp(model.window_to),
        set_by=_set_by(state, model.set_by),
    )


def _mark(state: BookState, instrument: str) -> MarkDocument:
    mark = state.ledger.marks[instrument]
    at = format_timestamp(mark.at)
    return MarkDocument(instrument, text(mark.price), at, _age(state, mark.at))


def _set_by(state: BookState, found: SetBy) -> SetByDocument:
    return SetByDocument(
        id=found.id,
        sequence=found.sequence,
        index=found.index,
        actor=found.actor,
        reason=found.reason,
        at=format_timestamp(found.at) if found.at else None,  # None: before any clock
        age_seconds=_age(state, found.at),
    )


def _late(one: LateEvent) -> LateEventDocument:
    late = one.late
    return LateEventDocument(
        id=one.record.id,
        type=type(one.record.event).__name__,
        sequence=late.sequence,
        index=late.index,
        effective_at=format_timestamp(late.effective_at),
        recorded_at=format_timestamp(late.at),
        late_by_seconds=(late.at - late.effective_at) / NANOSECONDS,
        says=_description(one),
    )


def _description(one: LateEvent) -> str:
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


def _age(state: BookState, since: int) -> float | None:
    return (state.now - since) / NANOSECONDS if since else None


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, Decimal) else value


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else text(amount)


def _texts(amounts: dict[str, Decimal]) -> dict[str, str]:
    return {name: text(amount) for name, amount in amounts.items()}
