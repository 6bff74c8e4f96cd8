"""Inbound messages: strict parsing of producers' signals and operators' events."""

from deadreckon.contracts.inbound_commands import FACT_RULES, WireFact, read_fact, write_fact
from deadreckon.contracts.inbound_signals import InboundSignal, read_signals
from deadreckon.contracts.parsing import EVIDENCE_MAX, TEXT_MAX, body_digest
from deadreckon.contracts.wire_signal import AMOUNTS, BATCH_MAX, SIGNAL_RULES, WireSignal

__all__ = [
    "AMOUNTS",
    "BATCH_MAX",
    "EVIDENCE_MAX",
    "FACT_RULES",
    "SIGNAL_RULES",
    "TEXT_MAX",
    "InboundSignal",
    "WireFact",
    "WireSignal",
    "body_digest",
    "read_fact",
    "read_signals",
    "write_fact",
]
