"""Faults of the exchange: by rules for certain requests, and by a plan from a seed."""

import hashlib
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

FaultKind = Literal[
    "late",  # does it, and answers after `seconds`
    "error_before",  # answers 503 and does nothing
    "error_after",  # does it, and answers 503
    "drop_before",  # breaks the connection and does nothing
    "drop_after",  # does it, and breaks the connection
    "rate_limit",  # answers 429 with Retry-After of `seconds`, does nothing
    "down",  # breaks the connection, does nothing, and refuses all others for `seconds`
    "garbage_answer",  # does it, and answers what cannot be read
    "fills_twice",  # pushes every report of it twice
    "out_of_order",  # pushes its reports last to first, and after those of the next request
    "before_ack",  # pushes its reports, and answers `seconds` later
    "withhold",  # pushes its reports when a client connects anew, not to those connected
    "garbage_report",  # pushes what cannot be read instead of its reports
]
RequestKind = Literal[
    "submit", "cancel", "query", "open_orders", "trades", "balances", "positions", "clock"
]

NOT_DONE = ("error_before", "drop_before", "rate_limit", "down")
REPORTED = ("fills_twice", "out_of_order", "before_ack", "withhold", "garbage_report")

# Seconds that a fault takes unless given: longer than the adapter waits, short enough for a test.
SECONDS: dict[str, float] = {"late": 3.0, "rate_limit": 0.1, "down": 0.5, "before_ack": 0.05}

_NO_AMOUNTS = (b'"NaN"', b'"-1"', b'"1e999"', b"NaN", b"{}", b'"999999999999999999999"', b"-1")

Seconds = Annotated[float, Meta(ge=0, le=600)]
Parts = Annotated[int, Meta(ge=0, le=1_000_000)]


class FaultRule(Struct, forbid_unknown_fields=True):
    """Do a fault to the next `times` requests that fit, after `skip` that fit and are left alone.

    Null fits every request, and every client order id."""

    fault: FaultKind
    request: RequestKind | None = None
    client_order_id: str | None = None
    times: Annotated[int, Meta(ge=0)] = 1
    skip: Annotated[int, Meta(ge=0)] = 0
    seconds: Seconds | None = None


class FaultPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """Do each fault to so many of a million requests, drawn by a hash of seed and number."""

    seed: str
    per_million: dict[FaultKind, Parts]
    seconds: dict[FaultKind, Seconds] = {}


class Faults(Struct, forbid_unknown_fields=True):
    """Faults to play; rules come first, in their order, then the plan.

    `down` seconds from now on every connection is refused; 0 is until faults are set again."""

    rules: list[FaultRule] = []
    plan: FaultPlan | None = None
    down: Seconds | None = None


def every_fault(seed: str = "every") -> Faults:
    """Return a plan with every fault, sooner or later: a hundredth of the requests."""
    each = 1_000_000 // 100 // len(get_args(FaultKind))
    return Faults(plan=FaultPlan(seed, dict.fromkeys(get_args(FaultKind), each)))


class ChosenFault(Struct, frozen=True):
    """A fault that is to be done to a request, and the rule it comes from."""

    fault: FaultKind
    seconds: float
    rule: FaultRule | None = None


def choose_fault(
    faults: Faults, number: int, request: str, client_order_id: str
) -> ChosenFault | None:
    """Choose the fault of a request, if any; changes nothing but what rules skip."""
    for rule in faults.rules:
        if not rule.times or not _fits(rule, request, client_order_id):
            continue
        if rule.skip:
            rule.skip -= 1
            continue
        return _trouble(rule.fault, rule.seconds, rule)
    return _drawn(faults.plan, number) if faults.plan else None


def count_fault(trouble: ChosenFault, counts: dict[str, int]) -> None:
    """Count a fault that is done, and take it off its rule."""
    counts[trouble.fault] = counts.get(trouble.fault, 0) + 1
    if trouble.rule is not None:
        trouble.rule.times -= 1


def garbage(number: int, content: bytes) -> bytes:
    """Return an invalid answer to request `number`, made from the true one."""
    kind = number % (len(_NO_AMOUNTS) + 3)
    if kind >= len(_NO_AMOUNTS):
        return (content[: len(content) // 2], b"\xff\xfe" + content, b"")[kind % 3]
    answer = msgspec.json.decode(content)
    spoiled = _first_thing(answer)
    if not spoiled:
        return _NO_AMOUNTS[kind]
    # Not the fee or a balance: those may well be negative, and nobody could tell.
    amounts = [name for name in ("quantity", "price", "filled") if name in spoiled]
    name = amounts[number // 7 % len(amounts)] if amounts else next(iter(spoiled))
    spoiled[name] = msgspec.Raw(_NO_AMOUNTS[kind] if amounts else b"{}")
    return msgspec.json.encode(answer)


def _first_thing(answer: Any) -> dict[str, Any]:
    """Return the innermost first object of an answer: a status, trade, refusal or balances."""
    inner = next(iter(answer.values()), None) if isinstance(answer, dict) else answer
    if isinstance(inner, list):
        inner = next(iter(inner), {})
    if isinstance(inner, dict):
        return inner
    return answer if isinstance(answer, dict) else {}


def _fits(rule: FaultRule, request: str, client_order_id: str) -> bool:
    if rule.request is not None and rule.request != request:
        return False
    return rule.client_order_id is None or rule.client_order_id == client_order_id


def _trouble(fault: FaultKind, seconds: float | None, rule: FaultRule | None) -> ChosenFault:
    return ChosenFault(fault, SECONDS.get(fault, 0.0) if seconds is None else seconds, rule)


def _drawn(plan: FaultPlan, number: int) -> ChosenFault | None:
    digest = hashlib.sha256(f"{plan.seed}|{number}".encode()).digest()
    ticket = int.from_bytes(digest[:8], "big") % 1_000_000
    for fault in get_args(FaultKind):  # in the order of their names above, not of the plan's dict
        ticket -= plan.per_million.get(fault, 0)
        if ticket < 0:
            return _trouble(fault, plan.seconds.get(fault), None)
    return None
