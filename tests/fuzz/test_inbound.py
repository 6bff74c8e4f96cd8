"""What comes through the doors of producers and operators is answered, by name and in order."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from deadreckon.contracts.governance import HaltAcknowledged, HaltRequested
from deadreckon.contracts.orders import OrderCancelled
from deadreckon.runtime.service.service import Service
from tests.fuzz.budget import SEED, TOTAL, kept, share
from tests.fuzz.mutator import Mutator
from tests.fuzz.samples import ENTRY, facts, signals, varied, varied_fact
from tests.fuzz.target import (
    IN,
    OP,
    FuzzedStack,
    check_answers,
    check_books,
    check_restart,
    fuzzed_stack,
)
from tests.sessions.player import decoded
from tests.sessions.script import ann
from tests.stories import MINUTE, currency_rate, deposit, late_fee, marked, reporting, withdraw

ROUND = 100  # messages thrown between two rows of the tape
LIFE = 5_000  # messages at one desk: a log that is checked while it fits into memory


def bad_signals(seed: str, first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        mutator = Mutator(f"in/{seed}", number)
        sample = mutator.random.choice(signals())
        yield mutator.payload(sample, varied(mutator.random))


def bad_facts(seed: str, first: int, count: int) -> Iterator[bytes]:
    for number in range(first, first + count):
        mutator = Mutator(f"op/{seed}", number)
        sample = mutator.random.choice(facts())
        yield mutator.payload(sample, varied_fact(mutator.random))


async def thrown(stack: FuzzedStack, seed: str, first: int, count: int) -> None:
    """Mutated signals and facts in turns, a bar of the tape between them."""
    for start in range(first, first + count, ROUND):
        some = min(ROUND, first + count - start)
        await stack.throw(IN, bad_signals(seed, start, some * 4 // 5))
        await stack.throw(OP, bad_facts(seed, start, some - some * 4 // 5))
        await stack.tick()
        if start // ROUND % 3:  # else go on under the limits and halts that chance has made
            await stack.mend()


@pytest.mark.parametrize("life", range(4))
async def test_all_that_is_thrown_at_the_doors_is_answered_and_the_books_agree(
    life: int, tmp_path: Path
) -> None:
    mine = share(10)
    for first in range(0, mine, LIFE):
        seed = f"{SEED}/{life}"
        name = f"fuzz {seed} {first}"
        async with fuzzed_stack(name) as stack:
            await stack.prepare()
            await thrown(stack, seed, first, min(LIFE, mine - first))
            log, states, good = stack.log, stack.stage.states, stack.good
        rules = check_answers(log, good)
        assert len(rules) > 15 or TOTAL < 1_000, rules
        check_books(log, tmp_path / f"{first}")
        await check_restart(log, name, states)


@pytest.mark.parametrize("path", kept("in") + kept("op"), ids=lambda path: path.name)
async def test_what_once_broke_a_door_is_answered(path: Path, tmp_path: Path) -> None:
    async with fuzzed_stack(path.name) as stack:
        await stack.prepare()
        await stack.throw(IN if path.parent.name == "in" else OP, [path.read_bytes()])
        await stack.tick()
        check_answers(stack.log, stack.good)
        check_books(stack.log, tmp_path)


async def test_garbage_that_is_repeated_takes_no_more_memory() -> None:
    async with fuzzed_stack("repeated") as stack:
        await stack.prepare()
        garbage = [b"{" * 100, b"\xff" * 100_000, b'{"id":"a"}', b"[" + b"1," * 9_000 + b"1]"]
        sizes = []
        for _ in range(3):
            for _ in range(4):
                for payload in garbage:
                    await stack.stage.bus.append(IN, payload)
                    await stack.stage.bus.append(OP, payload)
            await stack.stage.settle()
            services = [it for it in stack.stage.services if isinstance(it, Service)]
            kept = [(service.state, service.ingress) for service in services]
            sizes.append(len(msgspec.json.encode(kept)))
        assert max(sizes) - min(sizes) < 100, sizes  # a count may grow by a digit


def test_a_seed_and_a_number_make_the_same_bytes() -> None:
    assert list(bad_signals("x", 0, 300)) == list(bad_signals("x", 0, 300))
    assert list(bad_signals("x", 7, 1)) != list(bad_signals("y", 7, 1))
    assert Mutator("x", 1).random.random() == Random("x/1").random()


async def test_sound_facts_that_add_up_to_absurd_amounts_stop_no_reader(tmp_path: Path) -> None:
    async with fuzzed_stack("absurd") as stack:
        await stack.prepare()
        most = "999999999999999.999999999999999999"
        money = [
            deposit(most),
            deposit(most, "DOGE"),
            currency_rate("DOGE", most),
            withdraw(most, "BTC"),
        ]
        await stack.say(
            ann(reporting(every=MINUTE), *money, currency_rate("BTC", "0.000000000000000001"))
        )
        await stack.throw(IN, [b""] * 10)
        await stack.tick()
        await stack.say(ann(marked(most), late_fee(most, "DOGE")))
        await stack.tick()
        check_answers(stack.log, stack.good)
        check_books(stack.log, tmp_path)


async def test_a_halt_cancels_more_orders_than_one_commit_can_tell(tmp_path: Path) -> None:
    async with fuzzed_stack("crowded") as stack:
        await stack.prepare()
        await stack.say(ann(deposit("999999999")))
        terms = {"order_type": "limit", "limit_price": "50", "quantity": "1", "at": stack.moment}
        crowd = [
            ENTRY | terms | {"id": f"c{number}"} for number in range(1_699)
        ]  # and the sound wish behind
        await stack.throw(IN, [json.dumps(crowd).encode()])
        await stack.say(ann(HaltRequested("ann", "too many")))
        facts = [it.event for message in decoded(stack.log) for it in message.facts]
        cancelled = [it for it in facts if isinstance(it, OrderCancelled) and it.rule == "halted"]
        assert len(cancelled) == len({it.order_id for it in cancelled}) == 1_700
        [halted] = [it for it in facts if isinstance(it, HaltAcknowledged) and it.open_orders]
        assert halted.open_orders == 1_700
        check_books(stack.log, tmp_path)
        await check_restart(stack.log, "crowded", stack.stage.states)
