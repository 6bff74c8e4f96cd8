"""Finds the event, order, signal or trade that an id, or the first characters of one, names."""

import re
from collections.abc import AsyncIterable, Iterable
from typing import Any, Literal

from msgspec import Struct

from deadreckon.contracts import orders, signals, venues
from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.server.known_roles import DEFAULT_BOOK
from deadreckon.runtime.service.ingress import Ingress

Kind = Literal["event", "order", "client order", "bracket", "trade", "signal", "venue order"]

PREFIX_LEAST = 6  # characters; shorter than that almost everything is ambiguous
CANDIDATES_SHOWN = 8

POSITION = re.compile(r"([1-9]\d{0,17})(?:\.(\d{1,17}))?")

# What is named by which field, and the field within which that name is unique; in the order of
# preference where one text is several things (a flattening's signal has the id of its request).
_NAMED: dict[type[Event], tuple[tuple[Kind, str, str], ...]] = {
    orders.OrderApproved: (("order", "order_id", ""), ("signal", "signal_id", "producer")),
    orders.OrderRouted: (("order", "order_id", ""), ("client order", "client_order_id", "")),
    orders.OrderSubmitting: (("order", "order_id", ""), ("client order", "client_order_id", "")),
    orders.OrderAccepted: (("venue order", "venue_order_id", ""),),
    orders.OrderFilled: (("trade", "trade_id", "venue"),),
    orders.BracketArmed: (("bracket", "bracket_id", ""),),
    venues.VenueOrderAccepted: (("venue order", "venue_order_id", ""),),
    venues.VenueTradeReported: (("trade", "trade_id", "venue"),),
    venues.VenueForeignTradeReported: (("trade", "trade_id", "venue"),),
    **dict.fromkeys(
        (
            signals.SignalReceived,
            signals.CancelReceived,
            signals.ReplaceReceived,
            signals.SignalMalformed,
            signals.SignalRaised,
            signals.CancelRaised,
            signals.ReplaceRaised,
            signals.SignalRefused,
        ),
        (("signal", "signal_id", "producer"),),
    ),
}


class IdMatch(Struct, frozen=True):
    """The thing that an id names: its `kind`, the `id` in full, and its first event in the log.

    `scope` is the producer of a signal or the venue of a trade, within which the id is unique;
    `type` is that event's type, `at` its decision time (nanoseconds UTC).
    """

    kind: Kind
    id: str
    scope: str
    sequence: int
    index: int
    type: str
    at: int

    def __str__(self) -> str:
        name = f"{self.scope}/{self.id}" if self.scope else self.id
        return f"{self.kind} {name} ({self.type} at {self.sequence}.{self.index})"


class UnknownIdError(UsageError):
    """You asked about an id that the log does not know, or gave too little of one."""


class AmbiguousIdError(UsageError):
    """You gave the beginning of several ids; the message lists them."""


class IdFinder:
    """Search through a log, from its first message on, for what an id names."""

    def __init__(self, text: str, book: str = DEFAULT_BOOK, mode: Mode = "paper") -> None:
        self.text = text.strip()
        if not self.text:
            raise UnknownIdError("an id is empty: give one, or six or more characters of one")
        position = POSITION.fullmatch(self.text)
        self._position = (int(position[1]), int(position[2] or 0)) if position else None
        self._intake = Ingress(book, mode, reads_signals=True, restamps=False)
        self._found: dict[tuple[str, str], IdMatch] = {}
        self._is_long = len(self.text) >= PREFIX_LEAST

    def fold(self, message: Message) -> None:
        """Take one message."""
        for record in self._intake.records_of(message):
            self.fold_record(record)

    def fold_record(self, record: Recorded[Any]) -> bool:
        """Take one event of a log that is decoded already; returns true when it is a candidate."""
        before = len(self._found)
        is_there = self._position == (record.sequence, record.index)
        if is_there or self._names(record.id, ""):
            self._keep("event", record.id, "", record)
        for kind, field, within in _NAMED.get(type(record.event), ()):
            name, scope = getattr(record.event, field), getattr(record.event, within, "")
            if name and self._names(name, scope):
                self._keep(kind, name, scope, record)
        return len(self._found) > before

    def found(self) -> IdMatch:
        """Return the one thing that the text names. Raises UnknownIdError or AmbiguousIdError."""
        candidates = self._candidates()
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise AmbiguousIdError(self._choice(candidates))
        if self._is_long or self._position:
            raise UnknownIdError(f"the log has nothing with the id {self.text!r}")
        raise UnknownIdError(
            f"the log has no id {self.text!r}; give at least {PREFIX_LEAST} characters of one"
        )

    def _names(self, name: str, scope: str) -> bool:
        if self._is_long and name.startswith(self.text):
            return True
        return name == self.text or (bool(scope) and f"{scope}/{name}".startswith(self.text))

    def _keep(self, kind: Kind, name: str, scope: str, record: Recorded[Any]) -> None:
        if (scope, name) not in self._found:
            event = type(record.event).__name__
            found = IdMatch(kind, name, scope, record.sequence, record.index, event, record.at)
            self._found[scope, name] = found

    def _candidates(self) -> list[IdMatch]:
        """List what the text may name; an exact id wins over longer ids that start with it."""
        found = list(self._found.values())
        exact = [one for one in found if self.text in (one.id, f"{one.scope}/{one.id}")]
        unscoped = [one for one in exact if not one.scope]
        return unscoped or exact or found

    def _choice(self, candidates: list[IdMatch]) -> str:
        shown = "; ".join(map(str, candidates[:CANDIDATES_SHOWN]))
        more = len(candidates) - CANDIDATES_SHOWN
        return f"{self.text!r} may be any of {len(candidates)}: {shown}" + (
            f"; and {more} more" if more > 0 else ""
        )


def find(
    messages: Iterable[Message], text: str, book: str = DEFAULT_BOOK, mode: Mode = "paper"
) -> IdMatch:
    """Find what a text names in a log that is read from its first message.

    Raises UnknownIdError or AmbiguousIdError.
    """
    finder = IdFinder(text, book, mode)
    for message in messages:
        finder.fold(message)
    return finder.found()


async def search(
    messages: AsyncIterable[Message], text: str, book: str = DEFAULT_BOOK, mode: Mode = "paper"
) -> IdMatch:
    """Find what a text names in a log that is read asynchronously."""
    finder = IdFinder(text, book, mode)
    async for message in messages:
        finder.fold(message)
    return finder.found()
