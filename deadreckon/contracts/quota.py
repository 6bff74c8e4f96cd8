"""Quota of producers: what each has used of it, refilled as decision time goes on."""

from typing import Literal

from msgspec import Struct, structs

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.limits import ProducerQuotaSet

# Of decision time, at least. What a producer sends beyond its quota between two refills is one
# refusal, so quotes by the thousand must not refill; a clock that ticks each second always does.
REFILL_EVERY = NANOSECONDS // 2
USED_MAX = 2**63 - 1  # billionths: what a snapshot can hold


class Usage(Struct, frozen=True):
    """Amounts that a producer has used, in billionths: a refill may be a part of a signal."""

    signals: int = 0
    bytes: int = 0


class UsedUp(Struct, frozen=True):
    """The part of its quota that a producer has used up."""

    unit: Literal["signals", "bytes"]
    limit: int
    used: int
    limit_set_by: str
    refilled_from: int  # the decision time from which on there may be more, nanoseconds UTC


class Allowance(Struct, frozen=True):
    """The quota in force, and what producers have used of it; those that used nothing are left out.

    Without a `quota` nothing is counted. `set_by` is the id of the event that set it.
    """

    quota: ProducerQuotaSet | None = None
    set_by: str = ""
    refilled_at: int = 0
    used: dict[str, Usage] = {}


def set_quota(allowance: Allowance, quota: ProducerQuotaSet, set_by: str) -> Allowance:
    """Return the allowance under a new quota, if that replaces the one in force."""
    if not replaces(quota, allowance.quota):
        return allowance
    return structs.replace(allowance, quota=quota, set_by=set_by)


def replaces(quota: ProducerQuotaSet, before: ProducerQuotaSet | None) -> bool:
    """Tell whether a quota replaces the one before it: a default never does what somebody set."""
    return not quota.is_default or before is None or before.is_default


def refill(allowance: Allowance, now: int) -> Allowance:
    """Return the allowance at a later decision time; also after a clock that was set back."""
    elapsed = now - allowance.refilled_at
    if 0 <= elapsed < REFILL_EVERY:
        return allowance
    left = {
        producer: less
        for producer, usage in allowance.used.items()
        if (less := _less(usage, allowance.quota, max(elapsed, 0))) != Usage()
    }
    return structs.replace(allowance, refilled_at=now, used=left)


def _less(usage: Usage, quota: ProducerQuotaSet | None, elapsed: int) -> Usage:
    if quota is None:
        return Usage()
    signals, octets = quota.producer_signals_per_second, quota.producer_bytes_per_second
    return Usage(
        0 if signals is None else max(0, usage.signals - signals * elapsed),
        0 if octets is None else max(0, usage.bytes - octets * elapsed),
    )


def used_up(allowance: Allowance, producer: str) -> UsedUp | None:
    """Return what a producer has used up; null while its next message may be read."""
    quota = allowance.quota
    if quota is None:
        return None
    usage = allowance.used.get(producer, Usage())
    signals, octets = quota.producer_signals_per_second, quota.producer_bytes_per_second
    from_then = allowance.refilled_at + REFILL_EVERY
    if signals is not None and usage.signals >= signals * NANOSECONDS:
        used = -(-usage.signals // NANOSECONDS)
        return UsedUp("signals", signals, used, allowance.set_by, from_then)
    if octets is not None and usage.bytes >= octets * NANOSECONDS:
        used = -(-usage.bytes // NANOSECONDS)
        return UsedUp("bytes", octets, used, allowance.set_by, from_then)
    return None


def use(allowance: Allowance, producer: str, signals: int, octets: int) -> Allowance:
    """Return the allowance after a message of `signals` signals in so many bytes was read.

    A message is read whole, so it may use more than was left; that is missing afterwards.
    """
    if allowance.quota is None:
        return allowance
    usage = allowance.used.get(producer, Usage())
    more = Usage(
        min(usage.signals + signals * NANOSECONDS, USED_MAX),
        min(usage.bytes + octets * NANOSECONDS, USED_MAX),
    )
    return structs.replace(allowance, used=allowance.used | {producer: more})
