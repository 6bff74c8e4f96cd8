"""AsyncAPI 3 document: subjects as channels, with their messages, senders and receivers."""

from typing import Any

from msgspec import Struct

from deadreckon import __version__
from deadreckon.contracts.catalogue import EVENTS, OPERATOR_EVENTS
from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.inbound import WireFact, WireSignal
from deadreckon.contracts.publishers import SERVICES, events_of
from deadreckon.contracts.subjects import PARAMETERS, SUBJECTS, SubjectForm
from deadreckon.contracts.verdicts import Verdict
from deadreckon.runtime.service.standby import LivenessReply, LivenessRequest
from deadreckon.runtime.service.turns import TurnTaken
from deadreckon.tools.docgen.schemas import SIGNAL_FORMS, components, event_schema, shapes

SCHEMAS = "#/components/schemas/"
MESSAGES = "#/components/messages/"

# Services that write for every book and do not answer events of others.
SHARED_SERVICES = ("market", "clock", "sealer", "verifier")

# Messages carried by each form of subject.
CARRIED = {
    "log.{book}.{service}.events": ("commit",),
    "log.{book}.{service}.progress": ("progress",),
    "log.shared.market.events": ("commit",),
    "log.shared.clock.events": ("commit",),
    "log.shared.sealer.events": ("commit",),
    "log.shared.verifier.events": ("commit",),
    "log.{book}.in.{producer}": ("signals",),
    "log.{book}.op.{operator}": ("fact",),
    "verdict.{book}.{producer}": ("verdict",),
    "turn.{book}.{service}": ("turn", "turn_taken"),
    "standing.{book}.{service}": ("standing_asked", "standing_told"),
}


def document() -> dict[str, Any]:
    """Build the whole AsyncAPI document."""
    return {
        "asyncapi": "3.0.0",
        "info": _info(),
        "defaultContentType": "application/json",
        "servers": {"nats": _server()},
        "channels": {_channel_id(subject): _channel(subject) for subject in SUBJECTS},
        "operations": _operations(),
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _info() -> dict[str, Any]:
    return {
        "title": "Deadreckon",
        "version": __version__,
        "description": "What the services of a Deadreckon stack say on NATS. What is kept lies in "
        "one JetStream stream, LOG, in one order; a message there is a commit with its events.",
        "license": {"name": "Apache-2.0"},
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{address}",
        "protocol": "nats",
        "description": "The stack's own server, or the one that --nats names.",
        "variables": {
            "address": {
                "default": "127.0.0.1:4222",
                "description": "host:port; a server that the stack starts takes a free port and "
                "writes it into the data folder",
            }
        },
    }


def _channel_id(subject: SubjectForm) -> str:
    words = [part.strip("{}") for part in subject.form.split(".") if part != "log"]
    return "_".join(word for word in words if word != "book")


def _channel(subject: SubjectForm) -> dict[str, Any]:
    names = [part.strip("{}") for part in subject.form.split(".") if part.startswith("{")]
    channel = {
        "address": subject.form,
        "summary": subject.carries,
        "description": f"Published by {', '.join(subject.publishers)}; read by "
        f"{', '.join(subject.readers)}. " + ("Kept in the log." if subject.kept else "Not kept."),
        "messages": {name: {"$ref": MESSAGES + name} for name in CARRIED[subject.form]},
    }
    if names:
        channel["parameters"] = {name: {"description": PARAMETERS[name]} for name in names}
    return channel


def _operations() -> dict[str, Any]:
    operations = {}
    for service, purpose in SERVICES.items():
        channel = f"shared_{service}_events" if service in SHARED_SERVICES else "service_events"
        operations[f"{service}.says"] = _operation(
            "send", channel, "commit", f"{service} {purpose}", events_of(service)
        )
        if service not in SHARED_SERVICES:
            operations[f"{service}.reads"] = _operation(
                "receive", "service_events", "commit", f"{service} reads every commit of its book"
            )
    operations["producer.sends"] = _operation(
        "send", "in_producer", "signals", "a producer sends signals"
    )
    operations["signal.weighs"] = _operation(
        "receive", "in_producer", "signals", "signal reads them, in the log's order"
    )
    operations["operator.says"] = _operation(
        "send", "op_operator", "fact", "an operator says a fact", sorted(OPERATOR_EVENTS)
    )
    operations["producer.hears"] = _operation(
        "receive", "verdict_producer", "verdict", "a producer hears what became of its signals"
    )
    operations["tape.asks"] = _question(
        "turn_service", "turn", "turn_taken", "whoever plays a tape gives a turn"
    )
    operations["standby.asks"] = _question(
        "standing_service", "standing_asked", "standing_told", "a standby looks whether it is alone"
    )
    return operations


def _operation(
    action: str, channel: str, message: str, summary: str, words: list[str] | None = None
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
    }
    return operation | ({"x-event-types": words} if words else {})


def _question(channel: str, asked: str, answer: str, summary: str) -> dict[str, Any]:
    return _operation("send", channel, asked, summary) | {
        "reply": {
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [{"$ref": f"#/channels/{channel}/messages/{answer}"}],
        }
    }


def _messages() -> dict[str, Any]:
    return {
        "commit": _message("a commit with the events of one service", {"$ref": SCHEMAS + "Commit"}),
        "progress": _message("a commit without events", {"$ref": SCHEMAS + "Commit"}),
        "signals": _message("one signal or a batch", {"$ref": SCHEMAS + "WireSignals"}),
        "fact": _message("an operator's fact", {"$ref": SCHEMAS + "WireFact"}),
        "verdict": _message("what became of a signal", {"$ref": SCHEMAS + "Verdict"}),
        "turn": _message("answer everything up to this sequence", {"type": "integer"}),
        "turn_taken": _message("it is answered", {"$ref": SCHEMAS + "TurnTaken"}),
        "standing_asked": _message("is it there", {"$ref": SCHEMAS + "LivenessRequest"}),
        "standing_told": _message("where it stands", {"$ref": SCHEMAS + "LivenessReply"}),
    }


def _message(title: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "contentType": "application/json", "payload": payload}


def _schemas() -> dict[str, Any]:
    kinds: list[type[Struct]] = [Commit, WireSignal, WireFact, Verdict]
    kinds += [TurnTaken, LivenessRequest, LivenessReply]
    schemas = components(kinds, SCHEMAS + "{name}")
    schemas["Envelope"]["allOf"] = _bodies(frozenset(EVENTS))
    schemas["WireFact"]["allOf"] = _bodies(OPERATOR_EVENTS)
    schemas["WireSignal"]["oneOf"] = SIGNAL_FORMS
    schemas["WireSignals"] = {
        "oneOf": [
            {"$ref": SCHEMAS + "WireSignal"},
            {"type": "array", "items": {"$ref": SCHEMAS + "WireSignal"}, "minItems": 1},
        ]
    }
    for name, v, shape in shapes():
        body = event_schema(name, v, shape)
        schemas[f"{name}.v{v}"] = {key: body[key] for key in body if key[0] != "$"}
    return schemas


def _bodies(among: frozenset[str]) -> list[dict[str, Any]]:
    """Build the conditions that select the schema of `data` by type and version."""
    return [
        {
            "if": {"properties": {"type": {"const": name}, "v": {"const": v}}},
            "then": {"properties": {"data": {"$ref": f"{SCHEMAS}{name}.v{v}"}}},
        }
        for name, v, _ in shapes()
        if name in among
    ]
