"""Variants of a what-if, read from KEY=VALUE texts and grids of them."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from msgspec import Struct

from deadreckon.contracts.errors import UsageError
from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.instruments import VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.formatting.field_text import NONE, parse_field
from deadreckon.replay.whatif.open_limits import key_of_rule, open_value

VARIANTS_MAX = 200  # of a grid: a month takes a core some ten seconds each
BASELINE = "baseline"

WHO = ("actor", "reason")
LIMITS = tuple(name for name in LimitsSet.__struct_fields__ if name not in WHO)
CODE = ("implementation", "version", "code")  # follow from the kind
STRATEGY_FIELDS = tuple(
    name
    for name in StrategyConfigured.__struct_fields__
    if name not in (*WHO, "strategy", "parameters", *CODE)
)
# Not the edge: there is no venue to ask what it would have done, fills are matched on paper.
VENUE_KEYS = tuple(
    name
    for name in VenueConfigured.__struct_fields__
    if name not in (*WHO, "venue", "edge", "unknown_after")
)
ALIASES = {
    "max_notional": "order_notional_max",
    "min_notional": "order_notional_min",
    "taker_fee": "taker_fee_rate",
    "maker_fee": "maker_fee_rate",
}


class WhatIfError(UsageError, ValueError):
    """You asked for a change that cannot be made: a key, value, strategy or rule is unknown."""


class Variant(Struct, frozen=True):
    """One supposition: by limit, by strategy and key, by venue and key; `without` whom.

    `texts` is how it was asked, one text for each change. Values are as JSON has them; of a
    strategy they are texts, and null takes a parameter back to its default.
    """

    name: str
    texts: tuple[str, ...] = ()
    limits: dict[str, Any] = {}
    strategies: dict[str, dict[str, str | None]] = {}
    venues: dict[str, dict[str, Any]] = {}
    without: tuple[str, ...] = ()


def variants(
    settings: Sequence[str],
    disabled: Sequence[str],
    without: Sequence[str],
    grids: Sequence[str],
) -> list[Variant]:
    """Return the requested variants: one, or one for each point of the grid.

    Raises WhatIfError when a key is unknown, or there are too many.
    """
    axes = [_axis(grid) for grid in grids]
    points = 1
    for axis in axes:
        points *= len(axis)
    if points > VARIANTS_MAX:
        raise WhatIfError(f"the grid has {points} points; {VARIANTS_MAX} at most")
    if not (settings or disabled or without or grids):
        return []
    return [_variant([*settings, *point], disabled, without) for point in product(*axes)]


def _axis(grid: str) -> list[str]:
    key, sign, texts = grid.partition("=")
    values = list(dict.fromkeys(text.strip() for text in texts.split(",")))
    if not sign or not all(values):
        raise WhatIfError(f"{grid!r}: give KEY=VALUE,VALUE,...")
    return [f"{key}={value}" for value in values]


def _variant(settings: Iterable[str], disabled: Iterable[str], without: Iterable[str]) -> Variant:
    limits: dict[str, Any] = {}
    strategies: dict[str, dict[str, str | None]] = {}
    venues: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    for rule in disabled:
        key = _rules_key(rule)
        limits[key] = open_value(key)
        _once(texts, f"risk.{key}", f"disable {rule}")
    for text in settings:
        kind, name, key, value = _taken_apart(text)
        key_path = ".".join(filter(None, (kind, name, key)))
        _once(texts, key_path, f"{key_path}={value}")
        if kind == "risk":
            limits[key] = _value(LimitsSet, key, value, text)
        elif kind == "strategy":
            strategies.setdefault(name, {})[key] = None if value in NONE else value
        else:
            venues.setdefault(name, {})[key] = _value(VenueConfigured, key, value, text)
    for name in without:
        _once(texts, f"without {name}", f"without {name}")
    named = tuple(texts.values())
    return Variant(", ".join(named), named, limits, strategies, venues, tuple(without))


def _once(texts: dict[str, str], key_path: str, text: str) -> None:
    if key_path in texts:
        raise WhatIfError(f"{key_path}: changed more than once")
    texts[key_path] = text


def _rules_key(rule: str) -> str:
    try:
        return key_of_rule(rule)
    except ValueError as error:
        raise WhatIfError(str(error)) from error


def _taken_apart(text: str) -> tuple[str, str, str, str]:
    """Split a change into its kind, owner, key and value."""
    key_path, sign, value = text.partition("=")
    kind, _, rest = key_path.partition(".")
    name, _, key = rest.rpartition(".")
    if not sign or not key or kind not in ("risk", "strategy", "venue"):
        raise WhatIfError(
            f"{text!r}: give risk.LIMIT=VALUE, strategy.NAME.PARAMETER=VALUE or "
            "venue.NAME.KEY=VALUE"
        )
    if bool(name) == (kind == "risk"):
        whose = "no name" if kind == "risk" else f"the {kind}'s name"
        raise WhatIfError(f"{text!r}: {kind} takes {whose} before the key")
    key = ALIASES.get(key, key) if kind != "strategy" else key
    known = {"risk": LIMITS, "venue": VENUE_KEYS}.get(kind)
    if known is not None and key not in known:
        raise WhatIfError(f"{text!r}: {kind} has no {key!r}; it has {', '.join(known)}")
    return kind, name, key, value


def _value(shape: type[Struct], key: str, value: str, text: str) -> Any:
    try:
        return parse_field(shape, key, value)
    except ValueError as error:
        raise WhatIfError(f"{text!r}: {error}") from error
