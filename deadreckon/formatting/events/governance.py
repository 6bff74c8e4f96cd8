"""Descriptions of governance events: limits, halts, strategies, models, stack start and stop."""

from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts import archive, governance, life, models, views
from deadreckon.contracts.event import Recorded
from deadreckon.contracts.limits import LimitsSet, ProducerQuotaSet
from deadreckon.contracts.rules import RULE_UNITS
from deadreckon.formatting.events.signals import refusal_text
from deadreckon.formatting.events.style import Style
from deadreckon.formatting.text import join_parts, safe_text


def limits(record: Recorded[LimitsSet], style: Style) -> str:
    """Describe the limits that differ from their defaults."""
    shown = []
    for field in msgspec.structs.fields(record.event):
        value = getattr(record.event, field.name)
        if field.name not in ("actor", "reason") and value != _default(field):
            shown.append(f"{field.name} {_setting(field.name, value, style)}")
    rules = ", ".join(shown) or "as by default"
    return f"{style.of('limits', record.id)}: {rules}"


def quota(record: Recorded[ProducerQuotaSet], style: Style) -> str:
    """Describe what each producer may send."""
    it = record.event
    parts = ((it.producer_signals_per_second, "signals"), (it.producer_bytes_per_second, "bytes"))
    shown = " and ".join(f"{number} {unit}" for number, unit in parts if number is not None)
    what = f"{shown} a second for each producer" if shown else "no quota for producers"
    default = ", unless somebody has set another" if it.is_default else ""
    return f"{style.of('fact', record.id)}: {what}{default}"


def _default(field: Any) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _setting(name: str, value: Any, style: Style) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if RULE_UNITS.get(name) == "nanoseconds" and isinstance(value, int):
        return style.span(value)
    if isinstance(value, Decimal):
        return style.number(value)
    if isinstance(value, dict):
        items = (f"{safe_text(key)} {_setting('', value[key], style)}" for key in sorted(value))
        return " and ".join(items)
    if isinstance(value, (list, tuple)):
        return " and ".join(safe_text(str(item)) for item in value) or "none"
    return "none" if value is None else str(value)


def halt_requested(record: Recorded[governance.HaltRequested], style: Style) -> str:
    """Describe an operator's halt."""
    it = record.event
    return f"{style.of('halt', record.id)} ({it.scope}): {safe_text(it.reason)}"


def halt_imposed(record: Recorded[governance.HaltImposed], style: Style) -> str:
    """Describe a halt by a rule, for a while or until a resume."""
    it = record.event
    until = f" until {style.moment(it.until, record.at)}" if it.until is not None else ""
    return f"{style.of('halt', record.id)} ({it.scope}){until} by {refusal_text(it, style)}"


def halt_acknowledged(record: Recorded[governance.HaltAcknowledged], style: Style) -> str:
    """Describe an acknowledged halt, with the number of orders still to cancel."""
    it = record.event
    orders = f", open orders cancelled: {it.open_orders}" if it.open_orders else ""
    return f"{style.of('halt', it.halt_id)} ({it.scope}) obeyed{orders}"


def damaged(record: Recorded[governance.LogDamaged], style: Style) -> str:
    """Describe a damaged message, which halts the book."""
    it = record.event
    reason = safe_text(style.shorten(it.reason))
    return f"{style.of('halt', record.id)} (all): {it.subject} is damaged; {reason}"


def resume_requested(record: Recorded[governance.ResumeRequested], style: Style) -> str:
    """Describe an operator's resume."""
    it = record.event
    counters = ", counters start anew" if it.reset_counters else ""
    return f"{style.of('resume', record.id)}{counters}: {safe_text(it.reason)}"


def resume_acknowledged(record: Recorded[governance.ResumeAcknowledged], style: Style) -> str:
    """Describe an acknowledged resume."""
    return f"{style.of('resume', record.event.resume_id)} obeyed"


def flatten(record: Recorded[governance.FlattenRequested], style: Style) -> str:
    """Describe an operator's flatten."""
    it = record.event
    what = "everything" if it.instrument is None else safe_text(it.instrument)
    return f"{style.of('flatten', record.id)}: close {what}; {safe_text(it.reason)}"


def cancel(record: Recorded[governance.CancelRequested], style: Style) -> str:
    """Describe an operator's cancel."""
    it = record.event
    what = "every order" if it.order_id is None else style.order(it.order_id)
    return f"cancel {what}: {safe_text(it.reason)}"


def strategy(record: Recorded[governance.StrategyConfigured], style: Style) -> str:
    """Describe a strategy's settings."""
    it = record.event
    parameters = (
        f"{safe_text(key)} {safe_text(it.parameters[key])}" for key in sorted(it.parameters)
    )
    return f"strategy {safe_text(it.strategy)}: " + join_parts(
        f"{it.kind} on {safe_text(it.instrument)} with {style.number(it.notional)}",
        "" if it.enabled else "switched off",
        *parameters,
    )


def operator_malformed(record: Recorded[governance.OperatorMalformed], style: Style) -> str:
    """Describe an operator's message that cannot be read."""
    return f'something that is no fact: "{safe_text(record.event.evidence)}"'


def operator_refused(record: Recorded[governance.OperatorRefused], style: Style) -> str:
    """Describe a refused operator's command, with the reason."""
    it = record.event
    reason = safe_text(style.shorten(it.reason))
    return f"what {safe_text(it.door)} sent refused by {it.rule}: {reason}"


def model_fitted(record: Recorded[models.RegimeModelFitted], style: Style) -> str:
    """Describe a fitted model and its training data."""
    it = record.event
    window = f"{style.moment(it.window_from)} to {style.moment(it.window_to)}"
    return (
        f"model {safe_text(style.shorten(it.model_id))} fitted for {safe_text(it.strategy)} on "
        f"{it.samples} bars of {safe_text(it.instrument)}, {window}: {', '.join(it.labels)}"
    )


def model_refused(record: Recorded[models.RegimeModelRefused], style: Style) -> str:
    """Describe a refused model, with the reason."""
    it = record.event
    reason = safe_text(style.shorten(it.reason))
    return f"no new model for {safe_text(it.strategy)} on {it.instrument} by {it.rule}: {reason}"


def started(record: Recorded[life.StackStarted], style: Style) -> str:
    """Describe the start of services."""
    it = record.event
    return f"{', '.join(it.services)} started on {it.bus}, version {it.code}"


def stopped(record: Recorded[life.StackStopped], style: Style) -> str:
    """Describe the orderly stop of services."""
    return f"{', '.join(record.event.services)} stopped: {safe_text(record.event.reason)}"


def range_sealed(record: Recorded[archive.RangeSealed], style: Style) -> str:
    """Describe a sealed range."""
    it = record.event
    where = f"messages {it.first} to {it.last} ({it.events} events) of {it.day}"
    return f"sealed as range {it.number}: {where}, root {it.root[:16]}"


def view_differed(record: Recorded[views.ViewDiffered], style: Style) -> str:
    """Describe a view that differs from the log, with the position of the difference."""
    it = record.event
    where = " ".join(part for part in (it.view, it.table, "/".join(it.key), it.column) if part)
    sides = f": {safe_text(it.stored)}, the log says {safe_text(it.expected)}" if it.column else ""
    text = f"view differs: {safe_text(where)}{sides}; {safe_text(it.reason)}".removesuffix("; ")
    return style.shorten(text)


def view_rebuilt(record: Recorded[views.ViewRebuilt], style: Style) -> str:
    """Describe a rebuilt view."""
    return f"view {record.event.view} made anew up to message {record.event.place}"
