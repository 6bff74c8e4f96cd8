"""Absurd words on the command line: one line on stderr, a code that says so, nothing made."""

from pathlib import Path
from random import Random

import pytest

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_ENVIRONMENT, EXIT_USAGE, call
from tests.fuzz.budget import SEED, share
from tests.fuzz.mutator import AMOUNTS, INTEGERS, TEXTS

PLAIN = [*AMOUNTS, *TEXTS, *map(str, INTEGERS), "--", "-", "=", "a=b=c", "--data"]
ABSURD = [word for word in PLAIN if "\x00" not in word]  # no shell can pass that on
WHO = ["--actor", "ann", "--reason", "fuzz"]
SETTING = ["order_notional_max", "drawdown_max", "breaker_cooldown", "strategy_allocations", "nope"]
ORDERS = [
    ["limits", "set", "{name}={value}", *WHO],
    ["limits", "set", "order_notional_max=1", "--actor", "{value}", "--reason", "{value}"],
    ["cash", "deposit", "{value}", "{value}", *WHO],
    ["cash", "withdraw", "USDT", "{value}", *WHO],
    ["venue", "set", "{value}", "{name}={value}", *WHO],
    ["strategy", "set", "{value}", "--notional", "{value}", *WHO],
    ["instruments", "remove", "{value}", *WHO],
    ["halt", "--scope", "{value}", *WHO],
    ["signal", "send", "{value}"],
    ["tail", "--type", "{value}", "{value}"],
    ["replay", "audit", "{value}"],
    ["tape", "import", "{value}", "--instrument", "{value}", "--output", "{value}"],
    ["tape", "synth", "--bars", "{value}", "--output", "/nowhere/tape.parquet"],
    ["doctor", "{value}"],
    ["{value}", "{value}"],
]


def words(random: Random) -> list[str]:
    """An order with something absurd in each place."""
    order = random.choice(ORDERS)
    name = random.choice(SETTING)
    return [word.format(name=name, value=random.choice(ABSURD)[:2_000]) for word in order]


def test_absurd_words_end_in_one_line_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(share(2)):
        order = words(Random(f"cli/{SEED}/{number}"))
        try:
            call(order)
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0
        except BaseException as error:
            error.add_note(f"DR_FUZZ_SEED={SEED}, case {number}: {order}")
            raise
        record = capsys.readouterr()
        case = ascii(f"case {number}: {order} {code}: {record.err[-500:]}")
        assert code in (0, EXIT_DIFFERENCE, EXIT_USAGE, EXIT_ENVIRONMENT), case
        if code in (EXIT_USAGE, EXIT_ENVIRONMENT):
            assert record.err.startswith("dr: "), case
            assert len(record.err.splitlines()) == 1, case
        assert not list(tmp_path.iterdir()), case
