"""Scans a recorded log for a what-if: where the day lies in it, and which settings applied."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from deadreckon.contracts.clock import TIME_EDGES
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Event, Mode, Recorded
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.market import TapeOpened
from deadreckon.contracts.models import RegimeModelFitted, RegimeModelRefused
from deadreckon.contracts.signals import SignalRaised
from deadreckon.contracts.subjects import SHARED
from deadreckon.contracts.timestamps import DAY, day_of, day_start
from deadreckon.contracts.venues import VenueRequestSending
from deadreckon.replay.whatif.changes import Variant, WhatIfError
from deadreckon.replay.whatif.overlay import checked, keys_of
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Decoding, Message
from deadreckon.runtime.process.source_tree import ROOT
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.strategies.loading import code_fault
from deadreckon.strategies.registry import ConfigurationFault, read_setup

Settings = LimitsSet | StrategyConfigured | VenueConfigured


class DamagedLogError(OperationalError):
    """You asked what would have been in a log that cannot be trusted; the message says where."""


class LogScan(Struct):
    """One reading of a log up to the end of the day asked for.

    `first` and `last` are the sequences of the day's first and last message. `opening` holds what
    was in force when it began, `later` what was set in it, in log order. `strategies` has the last
    configuration of each strategy that runs here, `producers` the strategies that others' signals
    named. `fits` are the trainer's answers by the id of their question. `on_tape` says whether a
    tape was the clock; `edge_sent` whether orders left for a venue.
    """

    day: str | None
    first: int = 0
    last: int = 0
    days: tuple[str, str] = ("", "")
    opening: list[Settings] = []
    later: list[Settings] = []
    strategies: dict[str, StrategyConfigured] = {}
    producers: dict[str, None] = {}
    venues: dict[str, None] = {}
    fits: dict[str, list[Event]] = {}
    on_tape: bool = False
    edge_sent: bool = False

    def trained(self) -> list[str]:
        """List the strategies that rest on the trainer's models."""
        return [name for name, one in self.strategies.items() if _is_trained(one)]


def scan_log(log: Iterable[Stored], book: str, mode: Mode, day: str | None) -> LogScan:
    """Read a log once. Raises DamagedLogError, or WhatIfError when the day is not in it."""
    reading = _Reading(book, mode, day)
    decoding = Decoding()
    for stored in log:
        reading.fold(decoding.decode(stored))
    return reading.result()


class _Reading:
    def __init__(self, book: str, mode: Mode, day: str | None) -> None:
        self._found = LogScan(day)
        self._begins = day_start(day) if day else 0
        self._ends = self._begins + DAY if day else 2**63
        self._intake = Ingress(book, mode, reads_signals=False, restamps=False)
        self._force: dict[tuple[type[Event], str], Settings] = {}
        self._began_at = 0

    def fold(self, message: Message) -> None:
        if message.damage:
            raise DamagedLogError(
                f"message {message.sequence} is damaged ({message.damage}): nothing can be "
                "supposed of this log; `dr replay audit` tells what else is wrong"
            )
        facts = list(self._intake.records_of(message))
        now = self._intake.now
        if now and not self._began_at:
            self._began_at = now
        found = self._found
        if now < self._ends:
            if not found.first and now >= self._begins:
                found.first = message.sequence
                found.opening = list(self._force.values())
            found.last = message.sequence
        for record in facts:
            self._fact(record, in_time=now < self._ends)

    def _fact(self, record: Recorded[Any], *, in_time: bool) -> None:
        found, event = self._found, record.event
        match event:
            case LimitsSet() | StrategyConfigured() | VenueConfigured() if in_time:
                self._set(event)
            case RegimeModelFitted() | RegimeModelRefused() if record.cause:
                found.fits.setdefault(record.cause, []).append(event)
            case SignalRaised(producer=producer, strategy=name) if producer:
                found.producers[name] = None
            case TapeOpened():
                found.on_tape = True
            case VenueRequestSending() if in_time and found.first:
                found.edge_sent = True

    def _set(self, event: Settings) -> None:
        scope = getattr(event, "strategy", "") or getattr(event, "venue", "")
        self._force[type(event), scope] = event
        if isinstance(event, StrategyConfigured):
            self._found.strategies[event.strategy] = event
        elif isinstance(event, VenueConfigured):
            self._found.venues[event.venue] = None
        if self._found.first:
            self._found.later.append(event)

    def result(self) -> LogScan:
        found = self._found
        if not self._intake.now:
            raise WhatIfError("this log has no market event or clock yet: no day can be replayed")
        found.days = (day_of(self._began_at), day_of(self._intake.now))
        if not found.first:
            raise WhatIfError(
                f"the log has nothing of {found.day}; it goes from {found.days[0]} to "
                f"{found.days[1]}"
            )
        return found


def _is_trained(configured: StrategyConfigured) -> bool:
    setup = read_setup(configured)
    if isinstance(setup, ConfigurationFault):
        return False
    return setup.strategy.training(setup.parameters) is not None


def check_code(found: LogScan) -> None:
    """Raise WhatIfError for the first strategy of the log whose code is missing: it would only be
    silent."""
    for configured in found.strategies.values():
        if fault := code_fault(configured):
            raise WhatIfError(
                f"{fault} (a what-if needs the recorded code; `dr replay rerun --code {ROOT}` "
                "compares the answers of the code that is here)"
            )


def check(variants: Sequence[Variant], found: LogScan) -> None:
    """Check that the log knows what variants name. Raises WhatIfError for the first that fails."""
    for variant in variants:
        _check_names(variant, found)
        for event in (*found.opening, *found.later):
            _check_event(variant, event)


def _check_names(variant: Variant, found: LogScan) -> None:
    for name in variant.strategies:
        if name in found.producers and name not in found.strategies:
            raise WhatIfError(
                f"strategy {name} is a producer's: its parameters are not in the log; "
                f"--without-strategy {name} leaves its signals out"
            )
        _check_known("strategy", name, found.strategies)
    for name in variant.without:
        _check_known("strategy", name, found.strategies | found.producers)
    for name in variant.venues:
        _check_known("venue", name, found.venues)
    has_limits = any(isinstance(event, LimitsSet) for event in (*found.opening, *found.later))
    if variant.limits and not has_limits:
        raise WhatIfError("nobody has set limits by then, so nothing trades whatever you suppose")


def _check_known(what: str, name: str, known: Iterable[str]) -> None:
    names = sorted(known)
    if name not in names:
        which = f"these are known: {', '.join(names)}" if names else "it knows none"
        raise WhatIfError(f"the log knows no {what} {name!r}; {which}")


def _check_event(variant: Variant, event: Settings) -> None:
    try:
        checked(variant, event)
    except WhatIfError as error:
        if isinstance(event, StrategyConfigured):
            keys = ", ".join(keys_of(event))
            raise WhatIfError(f"{error}; {event.strategy} has {keys}") from error
        raise


def is_external(stored: Stored, book: str) -> bool:
    """Return true for a message from outside: the market, the clock, a producer or an operator."""
    _, whose, service, _ = stored.subject.split(".")
    if whose == SHARED:
        return service in TIME_EDGES
    return whose == book and service in ("in", "op")
