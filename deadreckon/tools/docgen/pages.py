"""Pages for people: every event with its fields, every subject with who may publish and read."""

from collections.abc import Iterator

from msgspec import Struct

from deadreckon.contracts.catalogue import NEVER_WRITTEN, VERSIONS
from deadreckon.contracts.envelope import Commit, Envelope
from deadreckon.contracts.inbound import FACT_RULES, SIGNAL_RULES, WireFact, WireSignal
from deadreckon.contracts.publishers import SERVICES, events_of, publishers_of
from deadreckon.contracts.subjects import PARAMETERS, SUBJECTS
from deadreckon.contracts.verdicts import Verdict
from deadreckon.tools.docgen.field_tables import caption, field_rows
from deadreckon.tools.docgen.schemas import shapes

GENERATED = "*Generated from `deadreckon/contracts` by `dr contracts generate`; do not edit.*"

EVENTS_INTRODUCTION = """\
Every event that can lie in the log, with its type and version on the wire. A message of the log is
a [commit](#commit): events of one service, each in an [envelope](#envelope). Text is UTF-8; an
*amount* is decimal text without exponent and trailing zeros (`"0.01"`); times are integers,
nanoseconds since 1970 UTC. Unknown fields are tolerated, unknown types and versions are not: a
reader must stop there. Each shape's JSON Schema lies in [schemas/](schemas), all of them with the
subjects in [asyncapi.json](asyncapi.json); what may be sent from outside stands in
[producers.md](producers.md) and [operators.md](operators.md)."""

SUBJECTS_INTRODUCTION = """\
Few, fixed in form, without ids and versions. Everything that is kept lies in one JetStream stream,
`LOG`, in one order. A subject's publisher is its only one: a service writes its own domain
`log.{book}.{service}.>` behind a fence, a producer and an operator their own door."""

OPERATORS_INTRODUCTION = """\
`dr limits`, `dr halt`, `dr instruments` and the like publish these for you. A program may do it as
well, with the credential `operator` and the inbox prefix `_INBOX.operator`
([security.md](security.md)): one JSON object a message to `log.<book>.op.cli`, as a request that is
answered once it is in the log."""


def events_page() -> str:
    """Render docs/events.md."""
    return _page(
        "# Events",
        GENERATED,
        EVENTS_INTRODUCTION,
        "## What surrounds an event",
        *_shape("envelope", Envelope),
        *_shape("commit", Commit),
        *_families(),
        "## Read from doors, never written",
        "What a service makes of a message that came in from outside, or of a damaged one.",
        *(part for shape in NEVER_WRITTEN for part in _shape(shape.__name__, shape)),
    )


def _families() -> Iterator[str]:
    family = ""
    for name, v, shape in shapes():
        if not name.startswith(f"{family}."):
            family = name.partition(".")[0]
            yield f"## {family}"
        yield from _event(name, v, shape)


def _event(name: str, v: int, shape: type[Struct]) -> Iterator[str]:
    schema = f"[schema](schemas/{name}.v{v}.json)"
    if v < VERSIONS[name]:
        yield f"### {name} v{v}, retired"
        yield f"{caption(shape)} It is read as v{VERSIONS[name]}. {schema}"
    else:
        yield f"### {name} v{v}"
        yield f"{caption(shape)}\n\nSaid by {', '.join(publishers_of(name))}. {schema}"
    yield _table(shape)


def _shape(title: str, shape: type[Struct]) -> Iterator[str]:
    yield f"### {title}"
    yield caption(shape)
    yield _table(shape)


def _table(shape: type[Struct]) -> str:
    rows = field_rows(shape)
    if not rows:
        return "No fields: the envelope says it all."
    with_defaults = any(row.default for row in rows)
    head = ["field", "type", *(["default"] if with_defaults else []), "description"]
    return _rows(
        head,
        [
            [
                f"`{row.name}`",
                row.kind,
                *([row.default] if with_defaults else []),
                row.description,
            ]
            for row in rows
        ],
    )


def _rows(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def subjects_page() -> str:
    """Render docs/subjects.md."""
    forms = [
        [
            f"`{subject.form}`",
            ", ".join(subject.publishers),
            ", ".join(subject.readers),
            subject.carries,
            "in the log" if subject.kept else "nowhere",
        ]
        for subject in SUBJECTS
    ]
    words = [
        [f"`{service}`", purpose, ", ".join(f"`{name}`" for name in events_of(service))]
        for service, purpose in SERVICES.items()
    ]
    return _page(
        "# Subjects",
        GENERATED,
        SUBJECTS_INTRODUCTION,
        _rows(["subject", "who may publish", "who reads", "what", "kept"], forms),
        _rows(
            ["part", "meaning"], [[f"`{{{name}}}`", record] for name, record in PARAMETERS.items()]
        ),
        "Parts are of letters, digits, `_` and `-`, at most 64 of them.",
        "## What each service may say",
        _rows(["service", "purpose", "events"], words),
    )


def signal_table() -> str:
    """Render the fields of a signal on the wire, for docs/producers.md."""
    return _table(WireSignal)


def signal_rules() -> str:
    """Render the refusals of producers' messages, for docs/producers.md."""
    return _rules(SIGNAL_RULES)


def verdict_table() -> str:
    """Render the fields of a verdict notice, for docs/producers.md."""
    return _table(Verdict)


def _rules(rules: dict[str, str]) -> str:
    return _rows(["rule", "meaning"], [[f"`{rule}`", meaning] for rule, meaning in rules.items()])


def operators_page() -> str:
    """Render docs/operators.md: the facts that an operator may publish."""
    record = [
        [
            f"[`{name}`](events.md#{name.replace('.', '')}-v{v})",
            str(v),
            caption(shape),
        ]
        for name, v, shape in shapes()
        if v == VERSIONS[name] and "operators" in publishers_of(name)
    ]
    return _page(
        "# Operators' facts on the wire",
        GENERATED,
        OPERATORS_INTRODUCTION,
        _table(WireFact),
        "What may be said:",
        _rows(["type", "v", "meaning"], record),
        "What is refused, as `governance.operator_refused`; nothing changes then:",
        _rules(FACT_RULES),
    )


def _page(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
