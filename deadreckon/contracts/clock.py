"""The log's own time: how far edges may move it at once, steps they refused, and its resets."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from deadreckon.contracts.event import NANOSECONDS, Declaration, Event
from deadreckon.contracts.fields import Actor, LimitSetBy, Reason, Rule
from deadreckon.contracts.timestamps import DAY
from deadreckon.contracts.units import described

CLOCK = "clock"  # the service, in the shared book, that answers operators about the time
TIME_EDGES = ("market", CLOCK)  # services of the shared book whose facts move decision time

CLOCK_STOP = "clock_stop"  # the rule that refuses the first step after a start
STEP_MAX = 60 * NANOSECONDS  # beyond the time that passed: what NTP corrects at once, generously
STOP_MAX = 7 * DAY  # what is remembered of a log goes back as far


class ClockConfigured(Event, frozen=True):
    """An operator sets how far an edge that reads a clock may move time at once. On a tape nothing
    is bounded."""

    declared = Declaration("clock.clock_configured", operators=True)

    actor: Actor
    reason: Reason
    step_max: Annotated[
        int,
        Meta(ge=0),
        described(
            "nanoseconds that a step may exceed the time that passed since the last one",
            "nanoseconds",
        ),
    ] = STEP_MAX
    stop_max: Annotated[
        int,
        Meta(ge=0),
        described("nanoseconds of the first step after a start, at most", "nanoseconds"),
    ] = STOP_MAX


class ClockAcceptRequested(Event, frozen=True):
    """An operator says that the times which edges refused to write are right."""

    declared = Declaration("clock.clock_accept_requested", operators=True)

    actor: Actor
    reason: Reason


class ClockResetRequested(Event, frozen=True):
    """An operator takes back the time of a log that is ahead."""

    declared = Declaration("clock.clock_reset_requested", operators=True)

    actor: Actor
    reason: Reason
    to: Annotated[int, described("time from which to go on, nanoseconds UTC", "timestamp")]


class ClockStepRefused(Event, frozen=True):
    """An edge did not write a time that is too far from the log's: the first of an incident, which
    lasts until it writes the time again.

    `rule` is `clock_step` or, for the first step after a start, `clock_stop`, if the time is too
    far ahead; `clock_behind` if it is far behind the log's, which then stands still.
    """

    declared = Declaration("clock.clock_step_refused", TIME_EDGES, archive=("refusals",))

    rule: Rule
    limit: Annotated[
        Decimal, described("time since the last step, and what is allowed beyond", "seconds")
    ]
    measured: Annotated[Decimal, described("how far the time is from the log's", "seconds")]
    limit_set_by: LimitSetBy
    refused_at: Annotated[int, described("time that was not written, nanoseconds UTC", "timestamp")]
    log_at: Annotated[int, described("decision time it was held against", "timestamp")]
    reason: Reason


class ClockStepAccepted(Event, frozen=True):
    """The clock and the other edges take a refused time for right from here on."""

    declared = Declaration("clock.clock_step_accepted", (CLOCK,))

    request_id: Annotated[str, described("id of the operator's request")]
    accepted_at: Annotated[int, described("latest time that had been refused", "timestamp")]


class ClockReset(Event, frozen=True):
    """Decision time counts anew from `at` of the envelope, which lies before it."""

    declared = Declaration("clock.clock_reset", (CLOCK,), timeline="book")

    request_id: Annotated[str, described("id of the operator's request")]
    log_at: Annotated[int, described("decision time that is taken back", "timestamp")]
