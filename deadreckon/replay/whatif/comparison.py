"""Compares two runs: which signals were let through, and which fills came of them."""

from collections.abc import Iterator

from msgspec import Struct

from deadreckon.contracts.amounts import text
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.orders import OrderFilled
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.whatif.document import (
    ChangedFill,
    FillComparison,
    FillTexts,
    RefusedSignal,
)
from deadreckon.replay.whatif.outcome import RunOutcome, TrackedSignal, terms


class SignalComparison(Struct, frozen=True):
    """The outcomes of signals in two runs; signals are matched by producer and signal id.

    `refused` and `allowed` are (before, after): let through before and refused after, and the
    other way round. `dropped` were raised before only, `new` after only, `other` differ in content.
    """

    refused: list[tuple[TrackedSignal, TrackedSignal]]
    allowed: list[tuple[TrackedSignal, TrackedSignal]]
    dropped: list[TrackedSignal]
    new: list[TrackedSignal]
    other: list[tuple[TrackedSignal, TrackedSignal]]


def compare_signals(before: RunOutcome, after: RunOutcome) -> SignalComparison:
    """Compare signal by signal, in the order in which they were first raised."""
    pairs = [
        (signal, after.signals[key])
        for key, signal in before.signals.items()
        if key in after.signals
    ]
    return SignalComparison(
        refused=[pair for pair in pairs if _refused(pair[1]) and not _refused(pair[0])],
        allowed=[pair for pair in pairs if _refused(pair[0]) and not _refused(pair[1])],
        dropped=[signal for key, signal in before.signals.items() if key not in after.signals],
        new=[signal for key, signal in after.signals.items() if key not in before.signals],
        other=[pair for pair in pairs if pair[0].content != pair[1].content],
    )


def _refused(signal: TrackedSignal) -> bool:
    return bool(signal.refused_by)


def compare_fills(recorded: RunOutcome, variant: RunOutcome) -> FillComparison:
    """Count how a variant's fills differ from the recorded ones."""
    found = FillComparison()
    for order_id in recorded.fills | variant.fills:
        before, after = recorded.fills.get(order_id, []), variant.fills.get(order_id, [])
        both = min(len(before), len(after))
        kept = sum(terms(old) == terms(new) for old, new in zip(before, after, strict=False))
        found.kept += kept
        found.changed += both - kept
        found.dropped += len(before) - both
        found.assumed += len(after) - both
    return found


def refusals(
    pairs: list[tuple[TrackedSignal, TrackedSignal]], *, newly: bool
) -> list[RefusedSignal]:
    """List signals whose outcome turned, with the refusal of the run that refuses them.

    That is the variant where it refuses `newly`, else the replay without a change.
    """
    return [_refusal(after if newly else before, before.sequence) for before, after in pairs]


def _refusal(signal: TrackedSignal, sequence: int) -> RefusedSignal:
    return RefusedSignal(
        sequence=sequence,
        at=format_timestamp(signal.at),
        signal_id=signal.signal_id,
        producer=signal.producer,
        strategy=signal.strategy,
        instrument=signal.instrument,
        kind=signal.kind,
        side=signal.side,
        size=signal.size,
        refused_by=signal.refused_by,
        rule=signal.rule,
        limit=None if signal.limit is None else text(signal.limit),
        measured=None if signal.measured is None else text(signal.measured),
        reason=signal.reason,
    )


def changed_fills(recorded: RunOutcome, variant: RunOutcome) -> list[ChangedFill]:
    """List every fill that is not the same in both runs."""
    return list(_changed_fills(recorded, variant))


def _changed_fills(recorded: RunOutcome, variant: RunOutcome) -> Iterator[ChangedFill]:
    for order_id in recorded.fills | variant.fills:
        before, after = recorded.fills.get(order_id, []), variant.fills.get(order_id, [])
        for number in range(max(len(before), len(after))):
            old = before[number] if number < len(before) else None
            new = after[number] if number < len(after) else None
            if old and new and terms(old) == terms(new):
                continue
            either = old or new
            assert either is not None
            yield ChangedFill(
                order_id=order_id,
                strategy=either.event.strategy,
                instrument=either.event.instrument,
                became="changed" if old and new else "dropped" if old else "assumed",
                recorded=_fill(old),
                supposed=_fill(new),
            )


def _fill(record: Recorded[OrderFilled] | None) -> FillTexts | None:
    if record is None:
        return None
    fill = record.event
    return FillTexts(
        sequence=record.sequence,
        at=format_timestamp(record.at),
        side=fill.side,
        quantity=text(fill.quantity),
        price=text(fill.price),
        fee=text(fill.fee),
        fee_currency=fill.fee_currency,
    )
