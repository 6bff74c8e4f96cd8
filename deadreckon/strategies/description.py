"""Strategies as they are shown to people: with their code and their parameters."""

from collections.abc import Iterator
from typing import Any

from msgspec import NODEFAULT, Meta, Struct, structs
from msgspec.structs import replace

from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.strategies.parameters import LIMIT_WORDS, declarations
from deadreckon.strategies.registry import (
    REGISTRY,
    ConfigurationFault,
    Implementation,
    read_setup,
)


class ParameterDescription(Struct, frozen=True):
    """A parameter of a strategy; `bounds` in words, `default` null for one that must be given."""

    name: str
    unit: str
    default: str | None
    bounds: str
    meaning: str


class StrategyDescription(Struct, frozen=True):
    """A strategy that can run here; `origin` is the distribution or the file it lies in."""

    kind: str
    version: str
    implementation: str
    code: str
    origin: str
    parameters: list[ParameterDescription]


def describe(found: Implementation) -> StrategyDescription:
    """Describe a strategy and every parameter that it declares."""
    return StrategyDescription(
        kind=found.kind,
        version=found.version,
        implementation=found.reference,
        code=found.code,
        origin=found.origin,
        parameters=list(_parameters(found.strategy.parameters)),
    )


def parameter_fault(configured: StrategyConfigured) -> ConfigurationFault | None:
    """Return the fault of a configuration's parameters, with what was given and what its kind
    takes; null when they can be read, or when its code is missing."""
    fault = read_setup(configured)
    strategy = REGISTRY.find(configured.kind, configured.code)
    if not isinstance(fault, ConfigurationFault) or isinstance(strategy, ConfigurationFault):
        return None
    takes = {each.name: each for each in _parameters(strategy.parameters)}
    unknown = sorted(set(configured.parameters) - set(takes))
    if unknown:
        known = f"{configured.kind} has {', '.join(takes)}"
        return replace(fault, reason=f"no parameter {', '.join(unknown)}; {known}")
    words = {word.strip("`$.:") for word in fault.reason.split()}
    named = [name for name in configured.parameters if name in words]
    given = [
        f"{name}={configured.parameters[name]}"
        + (f" ({takes[name].bounds})" if takes[name].bounds else "")
        for name in named
    ]
    return replace(fault, reason="; ".join([fault.reason, *given]))


def parameter_units(configured: StrategyConfigured) -> dict[str, str]:
    """Return the unit of each parameter of a configuration's kind; none without its code."""
    strategy = REGISTRY.find(configured.kind, configured.code)
    if isinstance(strategy, ConfigurationFault):
        return {}
    return {each.name: each.unit for each in _parameters(strategy.parameters)}


def _parameters(shape: Any) -> Iterator[ParameterDescription]:
    declared = dict(declarations(shape))
    for field in structs.fields(shape):
        meta = declared.get(field.name, Meta())
        extra = meta.extra or {}
        yield ParameterDescription(
            name=field.name,
            unit=str(extra.get("unit", "")),
            default=None if field.default is NODEFAULT else _text(field.default),
            bounds=", ".join(_bounds(meta)),
            meaning=meta.description or "",
        )


def _bounds(meta: Meta) -> Iterator[str]:
    exact = (meta.extra or {}).get("bounds", {})
    for kind, word in LIMIT_WORDS.items():
        bound = exact.get(kind, getattr(meta, kind))
        if bound is not None:
            yield f"{word} {bound}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
