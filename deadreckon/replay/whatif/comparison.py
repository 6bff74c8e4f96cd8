"""Two runs side by side: which wishes were let through, and which fills came of them."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.amounts import text
from deadreckon.contracts.timestamps import format_moment
from deadreckon.replay.whatif.outcome import Deeds, Wish, terms

Document = dict[str, Any]


class Fates(Struct, frozen=True):
    """What became of the same wishes in two runs; they are the same by producer and signal id.

    `refused` and `allowed` are (before, after): let through before and refused after, and the
    other way round. `unsaid` were wished before only, `new` after only, `other` differ in content.
    """

    refused: list[tuple[Wish, Wish]]
    allowed: list[tuple[Wish, Wish]]
    unsaid: list[Wish]
    new: list[Wish]
    other: list[tuple[Wish, Wish]]


def fates(before: Deeds, after: Deeds) -> Fates:
    """Compare wish by wish, in the order in which they were first made."""
    pairs = [
        (wish, after.wishes[key]) for key, wish in before.wishes.items() if key in after.wishes
    ]
    return Fates(
        refused=[pair for pair in pairs if _refused(pair[1]) and not _refused(pair[0])],
        allowed=[pair for pair in pairs if _refused(pair[0]) and not _refused(pair[1])],
        unsaid=[wish for key, wish in before.wishes.items() if key not in after.wishes],
        new=[wish for key, wish in after.wishes.items() if key not in before.wishes],
        other=[pair for pair in pairs if pair[0].content != pair[1].content],
    )


def _refused(wish: Wish) -> bool:
    return bool(wish.refused_by)


class Matches(Struct):
    """Fills by order and their number within it: the same in both, other terms, in one only."""

    kept: int = 0
    changed: int = 0
    dropped: int = 0
    assumed: int = 0

    @property
    def same(self) -> bool:
        """Whether both runs traded alike."""
        return not (self.changed or self.dropped or self.assumed)


def matches(record: Deeds, variant: Deeds) -> Matches:
    """Compare a run's fills with those that were recorded."""
    found = Matches()
    for order_id in record.fills | variant.fills:
        before, after = record.fills.get(order_id, []), variant.fills.get(order_id, [])
        both = min(len(before), len(after))
        kept = sum(terms(old) == terms(new) for old, new in zip(before, after, strict=False))
        found.kept += kept
        found.changed += both - kept
        found.dropped += len(before) - both
        found.assumed += len(after) - both
    return found


def refusals(pairs: list[tuple[Wish, Wish]], *, newly: bool) -> list[Document]:
    """Wishes whose fate turned, with the rule and numbers of the refusal: of the variant where it
    refuses `newly`, else of the replay without a change."""
    return [_told(after if newly else before, before.sequence) for before, after in pairs]


def _told(refusal: Wish, sequence: int) -> Document:
    return {
        "sequence": sequence,
        "at": format_moment(refusal.at),
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


def fills_told(record: Deeds, variant: Deeds) -> list[Document]:
    """Every fill that is not the same in both, the record's beside the variant's."""
    return list(_fills(record, variant))


def _fills(record: Deeds, variant: Deeds) -> Iterator[Document]:
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


def _fill(said: Any) -> Document | None:
    if said is None:
        return None
    fill = said.event
    return {
        "sequence": said.sequence,
        "at": format_moment(said.at),
        "side": fill.side,
        "quantity": text(fill.quantity),
        "price": text(fill.price),
        "fee": text(fill.fee),
        "fee_currency": fill.fee_currency,
    }
