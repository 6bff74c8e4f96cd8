"""Text page of a story: sequence and id on the left, the tree of events on the right."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from msgspec import Struct

from deadreckon.contracts.catalogue import ORDER_EVENTS
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.times import moment
from deadreckon.replay.why.detail import Detail
from deadreckon.replay.why.tracing import CausalBranch, Explanation

WIDTH = 100
ID_SHOWN = 8
TEXT_WIDTH_MIN = 24  # columns of text at least, however deep the tree

LABELS = {"cause": "", "order": "", "asked": "", "named": ""}


class StyledLine(Struct, frozen=True):
    """One line for a terminal: gutter, tree guides and text; `style` is a rich style of the
    text."""

    gutter: str
    guides: str
    text: str
    style: str = ""


def page(explained: Explanation, width: int = WIDTH) -> Iterator[StyledLine]:
    """Format the queried event, its causes and its effects."""
    story = explained.story
    writer = _Writer(explained, width)
    yield from writer.event(story.asked, "", "", "bold")
    for title, branches in (
        ("Because", story.causes),
        ("And so", story.effects),
    ):
        yield StyledLine("", "", "")
        yield StyledLine("", "", title if branches else f"{title}: nothing in the log", "bold cyan")
        yield from writer.tree(branches, "")


# Beyond these another story begins; its figures are shown in full when it is queried by its own id.
_BORDERS = frozenset({"OrderFilled", "HaltImposed", "HaltRequested", "EquityMarked"})


class _Writer:
    def __init__(self, explained: Explanation, width: int) -> None:
        self._nodes = explained.nodes
        self._sequences = explained.sequences
        self._asked = explained.nodes[explained.story.asked.id].record
        self._width = width
        self._gutter = max(map(len, explained.sequences.values())) + ID_SHOWN + 2

    def tree(
        self, branches: list[CausalBranch], guides: str, *, near: bool = True
    ) -> Iterator[StyledLine]:
        """Format branches and everything below them; `near` is false beyond another trade or
        halt."""
        branches = [branch for branch in branches if not self._is_idle(branch)]
        for number, branch in enumerate(branches, start=1):
            last = number == len(branches)
            below = guides + ("   " if last else "│  ")
            fork = guides + ("└─ " if last else "├─ ")
            yield from self.event(branch, fork, below, "", near=near)
            kind = type(self._nodes[branch.id].record.event).__name__
            yield from self.tree(branch.branches, below, near=near and kind not in _BORDERS)

    def event(
        self, branch: CausalBranch, guides: str, below: str, style: str, *, near: bool = True
    ) -> Iterator[StyledLine]:
        """Format an event and its details."""
        node = self._nodes[branch.id]
        record = node.record
        when = moment(record.at, self._asked.at) if record.at else "before any clock"
        label = LABELS.get(branch.label, f"({branch.label}) ")
        text = f"{node.text.partition(':')[0]} (see above)" if branch.again else node.text
        shown = f"{when} {label}{node.who}: {text}"
        more_below = not all(map(self._is_idle, branch.branches))
        inner = below + ("│  " if more_below else "   ")
        style = "dim" if branch.again else style or _style(record)
        yield from self._wrapped(self._of(record.id), guides, inner, shown, style)
        if branch.again:
            return
        shown_details = [each for each in node.details if near or not each.is_minor]
        for detail in shown_details:
            yield from self._detail(detail, inner)
        if hidden := len(node.details) - len(shown_details):
            more = f"· {hidden} more figures: dr replay why {self._sequences[record.id]}"
            yield from self._wrapped("", inner, inner, more, "dim")
        if branch.more:
            more = f"and {branch.more} more, which --depth or their own ids show"
            yield from self._wrapped("", inner, inner, more, "dim")

    def _is_idle(self, branch: CausalBranch) -> bool:
        """Return True for a repeated link between stages of one order."""
        return branch.again and type(self._nodes[branch.id].record.event) in ORDER_EVENTS

    def _detail(self, detail: Detail, guides: str) -> Iterator[StyledLine]:
        gutter = self._of(detail.id)
        style = "red" if detail.is_bad else "dim"
        yield from self._wrapped(
            gutter, f"{guides}· ", f"{guides}    ", _detail_text(detail), style
        )

    def _of(self, name: str) -> str:
        sequence = self._sequences.get(name, "")
        return f"{sequence.rjust(self._gutter - ID_SHOWN - 2)}  {name[:ID_SHOWN]}"

    def _wrapped(
        self, gutter: str, guides: str, below: str, text: str, style: str
    ) -> Iterator[StyledLine]:
        room = max(self._width - self._gutter - 2 - max(len(guides), len(below)), TEXT_WIDTH_MIN)
        blank = " " * self._gutter
        for number, part in enumerate(wrap(text, room) or [""]):
            first = number == 0
            yield StyledLine(gutter.ljust(self._gutter) if first else blank,
                       guides if first else below, part, style)  # fmt: skip


def _detail_text(detail: Detail) -> str:
    return f"{detail.name}: {detail.text}"


_STYLES = {
    "SignalRefused": "red",
    "MessagesRefused": "red",
    "OrderRejected": "red",
    "OrderUnroutable": "red",
    "HaltImposed": "red",
    "HaltRequested": "red",
    "OrderFilled": "green",
    "PositionChanged": "green",
    "SignalRaised": "yellow",
    "OrderApproved": "yellow",
}


def _style(record: Recorded[Any]) -> str:
    return _STYLES.get(type(record.event).__name__, "")
