"""Two runs side by side: which wishes were let through, and which fills came of them."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.amounts import text
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.replay.whatif.outcome import RunOutcome, TrackedSignal, terms

Document = dict[str, Any]


class SignalComparison(Struct, frozen=True):
    """What became of the same wishes in two runs; they are the same by producer and signal id.

    `refused` and `allowed` are (before, after): let through before and refused after, and the
    other way round. `unsaid` were wished before only, `new` after only, `other` differ in content.
    """

    refused: list[tuple[TrackedSignal, TrackedSignal]]
    allowed: list[tuple[TrackedSignal, TrackedSignal]]
    unsaid: list[TrackedSignal]
    new: list[TrackedSignal]
    other: list[tuple[TrackedSignal, TrackedSignal]]


def compare_signals(before: RunOutcome, after: RunOutcome) -> SignalComparison:
    """Compare wish by wish, in the order in which they were first made."""
    pairs = [
        (wish, after.wishes[key]) for key, wish in before.wishes.items() if key in after.wishes
    ]
    return SignalComparison(
        refused=[pair for pair in pairs if _refused(pair[1]) and not _refused(pair[0])],
        allowed=[pair for pair in pairs if _refused(pair[0]) and not _refused(pair[1])],
        unsaid=[wish for key, wish in before.wishes.items() if key not in after.wishes],
        new=[wish for key, wish in after.wishes.items() if key not in before.wishes],
        other=[pair for pair in pairs if pair[0].content != pair[1].content],
    )


def _refused(wish: TrackedSignal) -> bool:
    return bool(wish.refused_by)


class FillComparison(Struct):
    """Fills by order and their number within it: the same in both, other terms, in one only."""

    kept: int = 0
    changed: int = 0
    dropped: int = 0
    assumed: int = 0

    @property
    def same(self) -> bool:
        """Whether both runs traded alike."""
        return not (self.changed or self.dropped or self.assumed)


def compare_fills(record: RunOutcome, variant: RunOutcome) -> FillComparison:
    """Compare a run's fills with those that were recorded."""
    found = FillComparison()
    for order_id in record.fills | variant.fills:
        before, after = record.fills.get(order_id, []), variant.fills.get(order_id, [])
        both = min(len(before), len(after))
        kept = sum(terms(old) == terms(new) for old, new in zip(before, after, strict=False))
        found.kept += kept
        found.changed += both - kept
        found.dropped += len(before) - both
        found.assumed += len(after) - both
    return found


def refusals(pairs: list[tuple[TrackedSignal, TrackedSignal]], *, newly: bool) -> list[Document]:
    """Wishes whose fate turned, with the rule and numbers of the refusal: of the variant where it
    refuses `newly`, else of the replay without a change."""
    return [_told(after if newly else before, before.sequence) for before, after in pairs]


def _told(refusal: TrackedSignal, sequence: int) -> Document:
    return {
        "sequence": sequence,
        "at": format_timestamp(refusal.at),
        "signal_id": refusal.signal_id,
        "producer": refusal.producer,
        "strategy": refusal.strategy,
        "instrument": refusal.instrument,
        "kind": refusal.kind,
        "side": refusal.side,
        "size": refusal.size,
        "refused_by": refusal.refused_by,
        "rule": refusal.rule,
        "limit": None if refusal.limit is None else text(refusal.limit),
        "measured": None if refusal.measured is None else text(refusal.measured),
        "reason": refusal.reason,
    }


def changed_fills(record: RunOutcome, variant: RunOutcome) -> list[Document]:
    """Every fill that is not the same in both, the record's beside the variant's."""
    return list(_fills(record, variant))


def _fills(record: RunOutcome, variant: RunOutcome) -> Iterator[Document]:
    for order_id in record.fills | variant.fills:
        before, after = record.fills.get(order_id, []), variant.fills.get(order_id, [])
        for number in range(max(len(before), len(after))):
            old = before[number] if number < len(before) else None
            new = after[number] if number < len(after) else None
            if old and new and terms(old) == terms(new):
                continue
            said = old or new
            assert said is not None
            fill = said.event
            yield {
                "order_id": order_id,
                "strategy": fill.strategy,
                "instrument": fill.instrument,
                "became": "changed" if old and new else "dropped" if old else "assumed",
                "recorded": _fill(old),
                "supposed": _fill(new),
            }


def _fill(record: Any) -> Document | None:
    if record is None:
        return None
    fill = record.event
    return {
        "sequence": record.sequence,
        "at": format_timestamp(record.at),
        "side": fill.side,
        "quantity": text(fill.quantity),
        "price": text(fill.price),
        "fee": text(fill.fee),
        "fee_currency": fill.fee_currency,
    }
