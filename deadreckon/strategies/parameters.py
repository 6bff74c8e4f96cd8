"""Parameters of strategies: declared with unit, default and bounds, read strictly from texts."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from deadreckon.contracts.amounts import ZERO, is_sane

YEAR_SECONDS = 31_536_000
BPS_MAX = Decimal(10_000)  # all of the price
LIMIT_WORDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}

Bound = int | Decimal


def parameter(
    unit: str,
    meaning: str = "",
    *,
    gt: Bound | None = None,
    ge: Bound | None = None,
    lt: Bound | None = None,
    le: Bound | None = None,
) -> Meta:
    """Declare unit, meaning and bounds of a parameter: `Annotated[int, parameter("bars", ge=1)]`.

    Bounds are ints for an int and Decimals for a Decimal.
    """
    bounds = {"gt": gt, "ge": ge, "lt": lt, "le": le}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    whole: dict[str, Any] = {name: it for name, it in given.items() if isinstance(it, int)}
    exact = {name: it for name, it in given.items() if isinstance(it, Decimal)}
    return Meta(description=meaning or None, extra={"unit": unit, "bounds": exact}, **whole)


class EntryParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that every strategy has: which bars it sees, how it enters and leaves.

    docs/strategies.md explains each. Decimals are checked against their declared bounds.
    """

    bar_seconds: (
        Annotated[int, parameter("s", "only bars of this length are looked at", ge=1)] | None
    ) = None
    cooldown_seconds: Annotated[
        int, parameter("s", "least time between two entries", ge=0, le=YEAR_SECONDS)
    ] = 900
    exit_retry_seconds: Annotated[
        int, parameter("s", "an exit without effect is repeated after this", ge=0, le=YEAR_SECONDS)
    ] = 300
    long_only: Annotated[bool, parameter("", "never enter short")] = False
    reverse: Annotated[
        bool, parameter("", "a bar that makes it leave one side may enter the other at once")
    ] = True
    stop_loss_bps: (
        Annotated[Decimal, parameter("bps", "stop of each entry", gt=ZERO, lt=BPS_MAX)] | None
    ) = None
    take_profit_bps: (
        Annotated[Decimal, parameter("bps", "target of each entry", gt=ZERO, lt=BPS_MAX)] | None
    ) = None
    ttl_seconds: (
        Annotated[
            int,
            parameter(
                "s", "an entry expires after this; else after three bars", ge=1, le=YEAR_SECONDS
            ),
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        for name, bounds in exact_bounds(type(self)).items():
            check_bounds(name, getattr(self, name), bounds)


@cache
def exact_bounds(shape: type[Struct]) -> dict[str, dict[str, Decimal]]:
    """Return the bounds of the Decimal parameters, by name; msgspec holds those of the others."""
    return {
        name: meta.extra["bounds"]
        for name, meta in declarations(shape)
        if meta.extra and meta.extra["bounds"]
    }


def declarations(shape: type[Struct]) -> Iterator[tuple[str, Meta]]:
    """Yield each field that `parameter` declares, in order, with its declaration."""
    hints = get_type_hints(shape, include_extras=True)
    for name in shape.__struct_fields__:
        hint = hints[name]
        for part in (hint, *get_args(hint)):  # `Annotated[int, ...] | None` has it one level down
            found = get_args(part)[1:] if get_origin(part) is Annotated else ()
            yield from ((name, each) for each in found if isinstance(each, Meta))


def check_bounds(name: str, amount: Decimal | None, bounds: dict[str, Decimal]) -> None:
    """Raise ValueError naming the parameter unless the amount is sane and within its bounds."""
    if amount is None:
        return
    ok = is_sane(amount) and all(_is_within(amount, bound, kind) for kind, bound in bounds.items())
    if not ok:
        wanted = ", ".join(f"{word} {bounds[kind]}" for kind, word in BOUND_ORDER if kind in bounds)
        raise ValueError(f"{name}: expected {wanted}, found {amount}")


BOUND_ORDER = tuple(LIMIT_WORDS.items())


def _is_within(amount: Decimal, bound: Decimal, kind: str) -> bool:
    match kind:
        case "gt":
            return amount > bound
        case "ge":
            return amount >= bound
        case "lt":
            return amount < bound
        case _:
            return amount <= bound


def parse_parameters(shape: type[EntryParameters], texts: dict[str, str]) -> EntryParameters:
    """Read texts as the declared types. Raises ValueError naming the parameter that is wrong."""
    try:
        return msgspec.convert(texts, shape, strict=False)
    except ArithmeticError as error:  # a Decimal that no context can hold
        raise ValueError(str(error)) from error
