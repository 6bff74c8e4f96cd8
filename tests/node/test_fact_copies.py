"""A fact whose publish was tried again lies in the log more than once: the first is answered."""

from typing import Any, cast

from deadreckon.contracts.governance import HaltAcknowledged, HaltRequested, OperatorRefused
from deadreckon.contracts.inbound import write_fact
from deadreckon.node.command_answers import _acknowledged, _Answers
from deadreckon.runtime.log.bus import Bus
from tests.support.messages import StoredLog


def test_the_answers_to_the_first_copy_are_those_to_the_fact() -> None:
    answers = _Answers(cast(Bus, None), "desk", wait=0, runs=True)
    halt = HaltRequested(actor="ann", reason="flood")
    payload = write_fact(answers._fact_id, "governance.halt_requested", halt)
    other = write_fact("another", "governance.halt_requested", halt)
    log = StoredLog()
    for bytes_ in (other, payload, payload):
        log.put("log.desk.op.cli", bytes_)
    answers.sequence = 3  # the one that was acknowledged to us
    counts: list[Any] = [(2, 0, 1)]
    log.commit("risk", HaltAcknowledged("h", "all", 0), answers=counts)
    for stored in log.stored:
        answers._fold(stored)
    assert answers.sequence == 2
    assert [source for source, _ in answers.events] == ["test"]


def test_a_halt_that_was_refused_names_the_rule() -> None:
    answers = _Answers(cast(Bus, None), "desk", wait=0, runs=True)
    refused = OperatorRefused("cli", "id_reused", "fact id 1 was used for another body", "")
    answers.events.append(("governance", refused))
    outcome = _acknowledged(answers).outcome(7)
    assert (outcome.rule, outcome.refused) == ("id_reused", refused.reason)
