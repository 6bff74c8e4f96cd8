"""The kit for producers in other hands, and the check of what they send."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deadreckon.contracts.inbound import SIGNAL_RULES, read_signals
from deadreckon.contracts.signals import SignalMalformed
from deadreckon.tools.conformance import ProducerListener, check_lines
from deadreckon.tools.docgen.schemas import documents
from tests.sessions.player import Session
from tests.sessions.script import Wire, minute
from tests.sessions.scripts.partial_fills import SCRIPT
from tests.stories import bar

KIT = Path(__file__).parents[2] / "docs" / "conformance"
SAMPLES: list[dict[str, str]] = json.loads((KIT / "index.json").read_text("utf-8"))
SCHEMA = jsonschema.Draft202012Validator(documents()["wire-signal"])


def claim(sample: dict[str, str]) -> str:
    return sample["claim"]


def sent(sample: dict[str, str]) -> bytes:
    return (KIT / sample["file"]).read_bytes()


@pytest.mark.parametrize("sample", [it for it in SAMPLES if "rule" not in it], ids=claim)
def test_a_valid_sample_is_taken_by_the_door_and_by_the_schema(sample: dict[str, str]) -> None:
    sent_signals = read_signals("ext", sent(sample))
    assert not [signal for signal in sent_signals if isinstance(signal, SignalMalformed)]
    content = json.loads(sent(sample))
    for one in content if isinstance(content, list) else [content]:
        SCHEMA.validate(one)


@pytest.mark.parametrize("sample", [it for it in SAMPLES if "rule" in it], ids=claim)
def test_an_invalid_sample_is_refused_under_its_rule(sample: dict[str, str]) -> None:
    (signal,) = read_signals("ext", sent(sample))
    assert isinstance(signal, SignalMalformed)
    assert signal.rule == sample["rule"]


def test_the_page_says_how_much_a_schema_finds() -> None:
    invalid = [sample for sample in SAMPLES if "rule" in sample]
    found = sum(not passes(sent(sample)) for sample in invalid)
    page = (KIT.parent / "producers.md").read_text("utf-8")
    assert f"finds {found} of the {len(invalid)} invalid ones" in page


def passes(payload: bytes) -> bool:
    """Whether a parser and the schema have nothing to say against it."""
    try:
        return bool(SCHEMA.is_valid(json.loads(payload)))
    except (ValueError, RecursionError):
        return False


def test_every_refusal_has_a_sample_and_every_sample_is_listed() -> None:
    assert {it["rule"] for it in SAMPLES if "rule" in it} == set(SIGNAL_RULES)
    listed = {it["file"] for it in SAMPLES}
    lying = {path.relative_to(KIT).as_posix() for path in KIT.glob("*/*.json")}
    assert listed == lying


GOOD = {
    "id": "s-1",
    "strategy": "ext",
    "instrument": "BTCUSDT.PAPER",
    "side": "buy",
    "quantity": "0.01",
    "at": "2026-11-20T12:00:00Z",
}


def line(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_a_file_without_a_fault_conforms() -> None:
    report = check_lines("ext", [line(), b"", line(id="s-2"), line()])
    assert (report.messages, report.well_formed, report.conforms) == (3, 3, True)


def test_each_fault_is_counted_with_its_first_places() -> None:
    bad = [line(quantity=0.01)] * 5
    report = check_lines("ext", [line(), line(side="sell"), *bad, b"half {"])
    assert not report.conforms
    found = {fault.rule: (fault.count, fault.positions) for fault in report.faults.values()}
    assert found == {
        "id_reused": (1, ["line 2"]),
        "wrong_type": (5, ["line 3", "line 4", "line 5"]),
        "not_json": (1, ["line 8"]),
    }


def test_nothing_sent_is_no_proof_of_anything() -> None:
    assert not check_lines("ext", [b"", b"\n"]).conforms


@pytest.fixture(scope="module")
def answered() -> Any:
    """A session in which a producer sends well, twice the same, badly, and ahead of time."""
    signal = {"id": "w-1", "strategy": "ext", "instrument": "BTCUSDT.PAPER", "side": "buy"}
    signal |= {"quantity": "0.01"}
    steps = [
        *SCRIPT,
        Wire("ext", signal | {"at": "2099-01-01T00:00:00Z"}),
        Wire("ext", signal | {"id": "w-2"}),
        Wire("ext", signal | {"id": "w-2"}),
        Wire("ext", b"no json"),
        *minute(bar(104)),
    ]
    return Session("conformance", steps)


async def test_what_a_producer_says_in_a_log_is_checked_with_what_became_of_it(
    answered: Session,
) -> None:
    await answered.play()
    listener = ProducerListener("ext", "desk", "paper", 0)
    for stored in answered.log:
        listener.take(stored)
    report = listener.report
    assert report.faults["not_json"].count == 1
    assert report.faults["from_the_future"].count == 1
    assert report.resent == 1
    assert report.refusals["not_json"] == 1
    assert report.refusals["from_the_future"] == 1
    assert report.outcomes["refused"] >= 2
