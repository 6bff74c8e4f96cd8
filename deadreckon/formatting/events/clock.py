"""Descriptions of events about the log's own time."""

from deadreckon.contracts import clock
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.signals import refusal_text
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import safe_text


def configured(record: Recorded[clock.ClockConfigured], style: Style) -> str:
    """Describe the bounds of the edges that write time."""
    it = record.event
    start = f"{style.span(it.stop_max)} after a start"
    return f"time moves at most {style.span(it.step_max)} more than passed, {start}"


def accept_requested(record: Recorded[clock.ClockAcceptRequested], style: Style) -> str:
    """Describe an operator's word that a refused time is right."""
    return f"the refused time is right: {safe_text(record.event.reason)}"


def reset_requested(record: Recorded[clock.ClockResetRequested], style: Style) -> str:
    """Describe an operator's request to take time back."""
    it = record.event
    return f"time back to {style.moment(it.to)}: {safe_text(it.reason)}"


def step_refused(record: Recorded[clock.ClockStepRefused], style: Style) -> str:
    """Describe a time that was not written, with both figures."""
    it = record.event
    return f"{style.moment(it.refused_at)} not written by {refusal_text(it, style)}"


def step_accepted(record: Recorded[clock.ClockStepAccepted], style: Style) -> str:
    """Describe a refused time that counts as right."""
    return f"{style.moment(record.event.accepted_at)} is taken for right"


def reset(record: Recorded[clock.ClockReset], style: Style) -> str:
    """Describe a time that was taken back."""
    before = style.moment(record.event.log_at)
    return f"time counts anew from {style.moment(record.at)}, back from {before}"
