"""The words of what is in force: limits, halts, strategies, models, and the life of the stack."""

from decimal import Decimal
from typing import Any

import msgspec

from deadreckon.contracts import archive, governance, life, models, views
from deadreckon.contracts.event import Recorded
from deadreckon.formatting.events.short_names import Names
from deadreckon.formatting.events.signals import breach
from deadreckon.formatting.exact import SPANS, listed, moment, number, plain, span


def limits(said: Recorded[governance.LimitsSet], names: Names) -> str:
    """Every limit that is not as it is by default."""
    shown = []
    for field in msgspec.structs.fields(said.event):
        value = getattr(said.event, field.name)
        if field.name not in ("actor", "reason") and value != _default(field):
            shown.append(f"{field.name} {_setting(field.name, value)}")
    rules = ", ".join(shown) or "as by default"
    return f"{names.of('limits', said.id)}: {rules}"


def _default(field: Any) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _setting(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in SPANS and isinstance(value, int):
        return span(value)
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, dict):
        return " and ".join(f"{plain(key)} {_setting('', value[key])}" for key in sorted(value))
    if isinstance(value, (list, tuple)):
        return " and ".join(plain(str(item)) for item in value) or "none"
    return "none" if value is None else str(value)


def halt_requested(said: Recorded[governance.HaltRequested], names: Names) -> str:
    """An operator stops the book."""
    it = said.event
    return f"{names.of('halt', said.id)} ({it.scope}): {plain(it.reason)}"


def halt_imposed(said: Recorded[governance.HaltImposed], names: Names) -> str:
    """A rule stops the book, for a while or until a resume."""
    it = said.event
    until = f" until {moment(it.until, said.at)}" if it.until is not None else ""
    return f"{names.of('halt', said.id)} ({it.scope}){until} by {breach(it, names)}"


def halt_acknowledged(said: Recorded[governance.HaltAcknowledged], names: Names) -> str:
    """Who obeys, and what it had to cancel."""
    it = said.event
    orders = f", open orders cancelled: {it.open_orders}" if it.open_orders else ""
    return f"{names.of('halt', it.halt_id)} ({it.scope}) obeyed{orders}"


def damaged(said: Recorded[governance.LogDamaged], names: Names) -> str:
    """A message that cannot be trusted halts the book."""
    it = said.event
    reason = plain(names.shorten(it.reason))
    return f"{names.of('halt', said.id)} (all): {it.subject} is damaged; {reason}"


def resume_requested(said: Recorded[governance.ResumeRequested], names: Names) -> str:
    """An operator lifts every halt."""
    it = said.event
    counters = ", counters start anew" if it.reset_counters else ""
    return f"{names.of('resume', said.id)}{counters}: {plain(it.reason)}"


def resume_acknowledged(said: Recorded[governance.ResumeAcknowledged], names: Names) -> str:
    """Who trades again."""
    return f"{names.of('resume', said.event.resume_id)} obeyed"


def flatten(said: Recorded[governance.FlattenRequested], names: Names) -> str:
    """What is to be closed."""
    it = said.event
    what = "everything" if it.instrument is None else plain(it.instrument)
    return f"{names.of('flatten', said.id)}: close {what}; {plain(it.reason)}"


def cancel(said: Recorded[governance.CancelRequested], names: Names) -> str:
    """Which order is to go."""
    it = said.event
    what = "every order" if it.order_id is None else names.order(it.order_id)
    return f"cancel {what}: {plain(it.reason)}"


def strategy(said: Recorded[governance.StrategyConfigured], names: Names) -> str:
    """What a strategy trades, with which parameters."""
    it = said.event
    parameters = (f"{plain(key)} {plain(it.parameters[key])}" for key in sorted(it.parameters))
    return f"strategy {plain(it.strategy)}: " + listed(
        f"{it.kind} on {plain(it.instrument)} with {number(it.notional)}",
        "" if it.enabled else "switched off",
        *parameters,
    )


def operator_malformed(said: Recorded[governance.OperatorMalformed], names: Names) -> str:
    """What came through the door cannot be read."""
    return f'something that is no fact: "{plain(said.event.evidence)}"'


def operator_refused(said: Recorded[governance.OperatorRefused], names: Names) -> str:
    """Nothing changed, and why."""
    it = said.event
    reason = plain(names.shorten(it.reason))
    return f"what {plain(it.door)} sent refused by {it.rule}: {reason}"


def model_fitted(said: Recorded[models.RegimeModelFitted], names: Names) -> str:
    """Which model, and what it was fitted on."""
    it = said.event
    window = f"{moment(it.window_from)} to {moment(it.window_to)}"
    return (
        f"model {plain(names.shorten(it.model_id))} fitted for {plain(it.strategy)} on "
        f"{it.samples} bars of {plain(it.instrument)}, {window}: {', '.join(it.labels)}"
    )


def model_refused(said: Recorded[models.RegimeModelRefused], names: Names) -> str:
    """Why the model in force stays."""
    it = said.event
    reason = plain(names.shorten(it.reason))
    return f"no new model for {plain(it.strategy)} on {it.instrument} by {it.rule}: {reason}"


def started(said: Recorded[life.StackStarted], names: Names) -> str:
    """Who went to work."""
    it = said.event
    return f"{', '.join(it.services)} started on {it.bus}, version {it.code}"


def stopped(said: Recorded[life.StackStopped], names: Names) -> str:
    """Who stopped in good order."""
    return f"{', '.join(said.event.services)} stopped: {plain(said.event.reason)}"


def range_sealed(said: Recorded[archive.RangeSealed], names: Names) -> str:
    """What went into the archive."""
    it = said.event
    where = f"messages {it.first} to {it.last} ({it.events} events) of {it.day}"
    return f"sealed as range {it.number}: {where}, root {it.root[:16]}"


def view_differed(said: Recorded[views.ViewDiffered], names: Names) -> str:
    """Which view was not what the log says, and where."""
    it = said.event
    where = " ".join(part for part in (it.view, it.table, "/".join(it.key), it.column) if part)
    sides = f": {plain(it.stored)}, the log says {plain(it.expected)}" if it.column else ""
    told = f"view differs: {plain(where)}{sides}; {plain(it.reason)}".removesuffix("; ")
    return names.shorten(told)


def view_rebuilt(said: Recorded[views.ViewRebuilt], names: Names) -> str:
    """Which view was made anew."""
    return f"view {said.event.view} made anew up to message {said.event.place}"
