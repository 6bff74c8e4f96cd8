"""Positions in the log that a figure comes from: all are counted, the first ones described."""

import heapq
from array import array
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from deadreckon.contracts.amounts import EXACT, ZERO, text
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events import ShortStyle, describe_briefly

SequenceIndex = tuple[int, int]  # sequence, index

LISTED = 30  # events described one by one under a figure
RANGES = 120  # ranges that say where the rest lies; a page is no copy of the log
ID_SHOWN = 8  # characters of an id, enough to find it by


def event_line(record: Recorded[Any]) -> str:
    """Describe an event for a list of evidence: its type and a short text with exact figures."""
    return f"{type(record.event).__name__}: {describe_briefly(record, _STYLE)}"


_STYLE = ShortStyle()


class EvidenceLine(NamedTuple):
    """One event in words, and how much of the figure it contributed."""

    position: SequenceIndex
    id: str
    at: int
    what: str
    amount: str  # with its currency, empty where a figure counts events


class Evidence:
    """The events behind one figure, in the order they are met."""

    def __init__(self) -> None:
        self.sums: dict[str, Decimal] = {}  # what the events add up to, by currency
        self.lines: list[EvidenceLine] = []
        self.sequences = array("q")
        self.indexes = array("q")

    def __len__(self) -> int:
        return len(self.sequences)

    def add(
        self,
        record: Recorded[Any],
        what: Callable[[], str],
        amount: Decimal | None = None,
        currency: str = "",
    ) -> None:
        """Add an event; `what` is called only for the events that are described."""
        self.sequences.append(record.sequence)
        self.indexes.append(record.index)
        if amount is not None:
            self.sums[currency] = EXACT.add(self.sums.get(currency, ZERO), amount)
        if len(self.lines) < LISTED:
            written = "" if amount is None else f"{text(amount)} {currency}".rstrip()
            position = (record.sequence, record.index)
            line = EvidenceLine(position, record.id[:ID_SHOWN], record.at, what(), written)
            self.lines.append(line)

    def positions(self) -> list[SequenceIndex]:
        """List every position once, in log order."""
        return sorted(dict.fromkeys(zip(self.sequences, self.indexes, strict=True)))


def copied(evidence: Evidence) -> Evidence:
    """Copy evidence, so that the copy stays as it is while the original grows."""
    return merged([evidence], alone=False)


def merged(many: Iterable[Evidence], *, alone: bool = True) -> Evidence:
    """Merge the evidence of several figures and add up their sums.

    A single one is returned as it is, unless `alone` is false.
    """
    parts = [part for part in many if len(part)]
    if alone and len(parts) == 1:
        return parts[0]
    whole = Evidence()
    for part in parts:
        whole.sequences.extend(part.sequences)
        whole.indexes.extend(part.indexes)
        for currency, amount in part.sums.items():
            whole.sums[currency] = EXACT.add(whole.sums.get(currency, ZERO), amount)
    lines = heapq.merge(*(sorted(part.lines) for part in parts))
    whole.lines = list(dict.fromkeys(lines))[:LISTED]
    return whole


def ranges(positions: Sequence[SequenceIndex]) -> list[str]:
    """Write sorted positions as ranges: neighbours in a message, and whole messages.

    >>> ranges([(7, 0), (8, 0), (9, 0), (12, 1), (12, 2), (15, 0)])
    ['7-9', '12.1-2', '15']
    """
    blocks: list[list[int]] = []  # [first sequence, last, first index, last]
    for sequence, index in positions:
        last = blocks[-1] if blocks else [-1, -1, 0, 0]
        if sequence == last[1] and last[0] == last[1] and index == last[3] + 1:
            last[3] = index
        elif sequence == last[1] + 1 and index == 0 and not (last[2] or last[3]):
            last[1] = sequence
        else:
            blocks.append([sequence, sequence, index, index])
    return [_range(*block) for block in blocks]


def _range(first: int, last: int, begin: int, end: int) -> str:
    if first != last:
        return f"{first}-{last}"
    if begin != end:
        return f"{first}.{begin}-{end}"
    return f"{first}.{begin}" if begin else f"{first}"
