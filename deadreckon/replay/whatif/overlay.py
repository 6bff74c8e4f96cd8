"""Applies a variant to operators' facts and producers' signals on their way in."""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.codec import canonical_event
from deadreckon.contracts.event import Event
from deadreckon.contracts.governance import OperatorMalformed, StrategyConfigured
from deadreckon.contracts.inbound import EVIDENCE_MAX, read_fact, read_signals, write_fact
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.parsing import parse
from deadreckon.contracts.signals import SignalMalformed
from deadreckon.replay.whatif.changes import STRATEGY_FIELDS, Variant, WhatIfError
from deadreckon.strategies.loading import StrategyLoadError, stamped
from deadreckon.strategies.registry import ConfigurationFault, read_setup

ACTOR = "whatif"
CHANGEABLE = (LimitsSet, StrategyConfigured, VenueConfigured)


class ChangedFact(Struct, frozen=True):
    """A fact that the variant changed, with each changed value before and after.

    `sequence` is that of the original message, 0 for a fact that is published at the start.
    """

    sequence: int
    type: str
    scope: str
    fields: dict[str, tuple[Any, Any]]


class Overlay:
    """One variant, laid over facts and signals on their way in; remembers what it changed."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.overlaid: list[ChangedFact] = []
        self.left_out = 0  # signals of strategies that the variant does without

    def opening(self, name: str, event: Event) -> bytes | None:
        """Return the fact to publish at the start for one in force; null when it is the same.

        `name` is nowhere in the log yet, which may be the result of another what-if.
        """
        changed = self._changed(event, 0)
        if changed is event:
            return None
        return write_fact(f"{ACTOR}-{name}", NAMES[type(changed)], changed)

    def fact(self, sequence: int, door: str, payload: bytes) -> bytes:
        """Apply the variant to an operator's message."""
        fact_id, _, event = read_fact(door, payload)
        if not isinstance(event, CHANGEABLE):
            return payload
        changed = self._changed(event, sequence)
        return payload if changed is event else write_fact(fact_id, NAMES[type(event)], changed)

    def signals(self, producer: str, payload: bytes) -> bytes | None:
        """Return a producer's message without the signals of strategies that are left out; null
        when nothing is left of it."""
        if not self.variant.without:
            return payload
        signals_read = read_signals(producer, payload)
        kept = [
            isinstance(signal, SignalMalformed) or not self._is_out(signal)
            for signal in signals_read
        ]
        if all(kept):
            return payload
        self.left_out += kept.count(False)
        if not any(kept):
            return None
        items = zip(parse(payload), kept, strict=True)
        return msgspec.json.encode([item for item, stays in items if stays])

    def _is_out(self, signal: Any) -> bool:
        return signal.strategy in self.variant.without

    def _changed(self, event: Event, sequence: int) -> Event:
        """Change the event and note it; returns the same object when nothing changes.

        Raises WhatIfError when the result is not a valid fact.
        """
        changed = checked(self.variant, event)
        if changed is event:
            return event
        before, after = msgspec.to_builtins(event), msgspec.to_builtins(changed)
        fields = _changes(before, after)
        scope = after.get("strategy") or after.get("venue") or ""
        self.overlaid.append(ChangedFact(sequence, NAMES[type(event)], scope, fields))
        return changed


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """List what differs, field by field; of a dict entry by entry."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, now in after.items():
        was = before[name]
        if was == now or name in ("actor", "reason"):
            continue
        if isinstance(now, dict):
            entries = sorted(was | now)
            pairs = {f"{name}.{entry}": (was.get(entry), now.get(entry)) for entry in entries}
            found |= {entry: pair for entry, pair in pairs.items() if pair[0] != pair[1]}
        else:
            found[name] = (was, now)
    return found


def checked(variant: Variant, event: Event) -> Event:
    """Apply the variant to an operator's fact. Raises WhatIfError when the result is not valid."""
    varied: Event = _varied(variant, event)
    if varied is event:
        return event
    reason, actor = (getattr(event, name) for name in ("reason", "actor"))
    why = f"what if {variant.name}? It was: {reason} ({actor})"
    changed: Event = replace(varied, actor=ACTOR, reason=why[:EVIDENCE_MAX])
    _, _, judged = read_fact(ACTOR, write_fact(ACTOR, NAMES[type(changed)], changed))
    if isinstance(judged, OperatorMalformed):
        raise WhatIfError(f"{variant.name}: {judged.reason}")
    if isinstance(changed, StrategyConfigured) and isinstance(event, StrategyConfigured):
        _check_strategy(variant, event, changed)
    return changed


def _varied(variant: Variant, event: Any) -> Any:
    """Change the event as the variant says; returns the same object where it says nothing."""
    match event:
        case LimitsSet():
            return _built(event, variant.limits, variant)
        case VenueConfigured(venue=name):
            return _built(event, {"edge": ""} | variant.venues.get(name, {}), variant)
        case StrategyConfigured(strategy=name):
            return _strategy(event, variant, variant.strategies.get(name, {}))
    return event


def _strategy(
    event: StrategyConfigured, variant: Variant, keys: dict[str, str | None]
) -> StrategyConfigured:
    fields: dict[str, Any] = {name: text for name, text in keys.items() if name in STRATEGY_FIELDS}
    if event.strategy in variant.without:
        fields["enabled"] = False
    parameters = dict(event.parameters)
    for name, text in keys.items():
        if name in STRATEGY_FIELDS:
            continue
        if text is None:
            parameters.pop(name, None)
        else:
            parameters[name] = text
    changed: StrategyConfigured = _built(event, fields | {"parameters": parameters}, variant)
    if changed.kind == event.kind:
        return changed
    try:
        return stamped(changed)
    except StrategyLoadError:
        return replace(changed, implementation="", version="", code="")  # refused by its kind


def _built(event: Any, fields: dict[str, Any], variant: Variant) -> Any:
    """Return the event with other fields; the same object when nothing changes."""
    try:
        plain = msgspec.to_builtins(event) | fields
        changed = canonical_event(msgspec.convert(plain, type(event), strict=False))
    except (ValueError, ArithmeticError) as error:  # msgspec's own are ValueErrors
        raise WhatIfError(f"{variant.name}: {error}") from error
    return event if changed == event else changed


def _check_strategy(
    variant: Variant, before: StrategyConfigured, changed: StrategyConfigured
) -> None:
    """Refuse a configuration that the strategy itself would refuse, since the strategy would only
    be silent. What was refused at the time may stay so."""
    setup = read_setup(changed)
    if isinstance(setup, ConfigurationFault) and not isinstance(
        read_setup(before), ConfigurationFault
    ):
        raise WhatIfError(f"{variant.name}: {setup.rule}: {setup.reason}")


def keys_of(configured: StrategyConfigured) -> list[str]:
    """List what can be changed of a strategy: fields of its configuration and its parameters."""
    setup = read_setup(configured)
    if isinstance(setup, ConfigurationFault):
        return [*STRATEGY_FIELDS]
    return [*STRATEGY_FIELDS, *setup.strategy.parameters.__struct_fields__]
