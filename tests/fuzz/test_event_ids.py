"""No two events of a book have one id, whatever producers repeat, contradict or send too early."""

import json
from collections import Counter
from random import Random

import pytest

from deadreckon.contracts.signals import SignalRefused
from tests.fuzz.samples import ENTRY
from tests.fuzz.target import IN, OP, check_ids, fuzzed_stack
from tests.sessions.player import decoded


def contradicting(chance: Random, moment: str) -> bytes:
    """A signal of few ids and few contents: most of them come again."""
    fields = {"id": chance.choice("ab"), "quantity": chance.choice(["1", "2", "3"]), "at": moment}
    one = ENTRY | fields
    return json.dumps([one] * chance.randint(1, 3)).encode()


@pytest.mark.parametrize("seed", range(5))
async def test_what_is_refused_again_is_refused_under_an_id_of_its_own(seed: int) -> None:
    chance = Random(f"ids {seed}")
    async with fuzzed_stack(f"ids {seed}") as stack:
        await stack.throw(IN, [contradicting(chance, stack.moment) for _ in range(10)])  # no clock
        await stack.prepare()
        for _ in range(3):
            await stack.throw(IN, [contradicting(chance, stack.moment) for _ in range(20)])
            await stack.throw(OP, [b"no fact", b""] * 2)
            await stack.tick()
        log = stack.log

    check_ids(log)
    rules = Counter(
        record.event.rule
        for message in decoded(log)
        for record in message.facts
        if isinstance(record.event, SignalRefused)
    )
    assert rules["no_clock"] > 5
    assert rules["id_reused"] > 50
