"""The required configuration of the log's stream: kept for ever, unchanged, in files."""

from collections.abc import Mapping
from typing import Any

from deadreckon.contracts.subjects import ALL

UNLIMITED = -1
# The least that a server takes (nanoseconds). Within it, of two messages with one `Nats-Msg-Id` the
# second is acknowledged and not stored, whoever sent the first. Ours have none; a producer's may.
DUPLICATE_WINDOW = 100_000_000

FORGOTTEN_AFTER = 60_000_000_000  # nanoseconds without an order; then the server forgets a reader
# Durable ones are forgotten as well. Ours leave nothing to acknowledge; others' lists of it are
# kept in the server's memory.
CONSUMER_LIMITS = {"inactive_threshold": FORGOTTEN_AFTER, "max_ack_pending": 1_000}
# What the start of a stack changes on a log of an older program; nothing else is ever changed.
BROUGHT_UP_TO_DATE = {"duplicate_window": DUPLICATE_WINDOW, "consumer_limits": CONSUMER_LIMITS}

# Whatever deletes a message brings the fence tokens before it back to life, so that a writer who
# was shut out may write again; and a log with holes can no longer be replayed.
REQUIRED: dict[str, Any] = {
    "subjects": [ALL],
    "retention": "limits",
    "storage": "file",
    "max_consumers": UNLIMITED,
    "max_msgs": UNLIMITED,
    "max_bytes": UNLIMITED,
    "max_msgs_per_subject": UNLIMITED,
    "max_msg_size": UNLIMITED,
    "max_age": 0,
    "discard": "new",  # should a limit ever be set, writing stops and nothing is lost
    "deny_delete": True,
    "deny_purge": True,
    "allow_direct": True,
}

# What a server leaves out when it is off: read as off, and refused when it is on.
FORBIDDEN = {
    "allow_rollup_hdrs": "a rollup deletes what came before it",
    "allow_msg_ttl": "messages with a time to live vanish",
    "allow_msg_schedules": "schedules unset the protection against purging",
    "allow_msg_counter": "counters are added up, not kept",
    "subject_delete_marker_ttl": "delete markers need messages that vanish",
    "sealed": "nothing can be appended to it",
    "no_ack": "an append would never be confirmed",
    "mirror": "it copies another stream",
    "sources": "it copies other streams",
    "subject_transform": "subjects are not stored as they were sent",
    "republish": "messages leave by another door",
    "mirror_direct": "a copy would answer for it",
    "discard_new_per_subject": "it belongs to a limit",
    "first_seq": "a log begins with its first message",
}

# What makes no difference to what is kept.
HARMLESS = {
    "name",
    "description",
    "metadata",
    "num_replicas",  # the bus knows how many it wants
    "placement",
    "compression",  # but not with replicas, see below
    "duplicate_window",  # shortened where it may be
    "consumer_limits",  # looked at apart
    "allow_atomic",
    "allow_batched",
    "persist_mode",  # looked at apart
}


def configuration(name: str, replicas: int) -> dict[str, Any]:
    """Return the configuration with which this program creates a log."""
    return {
        **REQUIRED,
        "name": name,
        "num_replicas": replicas,
        **BROUGHT_UP_TO_DATE,
        # Half the disk for commits of JSON. An append costs the same; once in 8 MB, when a block
        # is full, one waits a few milliseconds longer. Never with replicas: decision 0019.
        "compression": "s2" if replicas == 1 else "none",
    }


def configuration_faults(config: Mapping[str, Any]) -> list[str]:
    """List what is wrong with a stream's configuration, one sentence a field; empty when it is fit.

    >>> configuration_faults(configuration("LOG", 1) | {"max_age": 60})
    ['max_age: expected 0, found 60']
    """
    wrong = [
        f"{field}: expected {expected!r}, found {found!r}"
        for field, expected in REQUIRED.items()
        if (found := _found(config, field, expected)) != expected
    ]
    wrong += [
        f"{field}: expected nothing, found {config[field]!r}: {reason}"
        for field, reason in FORBIDDEN.items()
        if config.get(field)
    ]
    wrong += [
        f"{field}: expected nothing, found {config[field]!r}: this program does not know it"
        for field in sorted(config.keys() - REQUIRED.keys() - FORBIDDEN.keys() - HARMLESS)
        if config[field]
    ]
    if config.get("persist_mode", "default") not in ("", "default"):
        wrong.append(
            f"persist_mode: expected 'default', found {config['persist_mode']!r}: "
            "it confirms before it has written"
        )
    if (limits := config.get("consumer_limits")) and limits != CONSUMER_LIMITS:
        wrong.append(
            f"consumer_limits: expected {CONSUMER_LIMITS!r}, found {limits!r}: a reader might be "
            "refused, or never forgotten"
        )
    if config.get("num_replicas", 1) > 1 and config.get("compression", "none") != "none":
        wrong.append(
            f"compression: expected 'none', found {config['compression']!r}: a replica that was "
            "killed and caught up would write what it cannot read (decision 0019)"
        )
    return wrong


def _found(config: Mapping[str, Any], field: str, expected: Any) -> Any:
    """Read a field; a limit that is left out or 0 is unlimited."""
    found = config.get(field)
    return expected if expected in (UNLIMITED, 0) and not found else found
