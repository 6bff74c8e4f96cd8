"""What verbs that set up a folder refuse in one line, and what they print."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from deadreckon.cli import cash, limits, strategy
from deadreckon.contracts.portfolio import CashDeposited, CashWithdrawn
from deadreckon.node.operator_commands import InForce
from tests.cli.test_status import dr

WHO = ("--actor", "ann", "--reason", "by mistake")
STRATEGY = ("--kind", "moving_average_cross", "--instrument", "BTCUSDT.PAPER")


@pytest.mark.parametrize(
    "words",
    [
        ("limits", "set", "order_notional_max=NaN"),
        ("limits", "set", "order_notional_max=Infinity"),
        ("cash", "deposit", "USDT", "NaN"),
        ("cash", "withdraw", "USDT", "Infinity"),
        ("strategy", "set", "cross", *STRATEGY, "--notional", "NaN"),
        ("limits", "set", "instruments_allowed=[oops"),
    ],
)
def test_what_is_no_amount_is_wrong_usage(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in (limits, strategy):
        monkeypatch.setattr(module, "in_force", lambda data, nats: InForce())

    assert dr(*words, *WHO, "--data", tmp_path / "none") == 2

    record = capsys.readouterr().err
    assert record.startswith("dr: ")
    assert record.count("\n") == 1
    assert not (tmp_path / "none").exists()


def test_a_withdrawal_is_told_from_a_deposit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moves: list[CashDeposited | CashWithdrawn] = [
        CashDeposited("USDT", Decimal(100), "ann", "opening"),
        CashWithdrawn("USDT", Decimal(40), "ann", "payout"),
    ]
    monkeypatch.setattr(cash, "in_force", lambda data, nats: InForce(cash_moves=moves))

    assert dr("cash", "show") == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[1] for words in said if words[:1] == ["kind"]] == ["deposit", "withdrawal"]
    assert [words[1] for words in said if words[:1] == ["amount"]] == ["100", "40"]
    assert dr("cash", "show", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["kind"], row["amount"]) for row in rows] == [
        ("deposit", "100"),
        ("withdrawal", "40"),
    ]


@pytest.mark.parametrize(
    ("price", "said"),
    [("1.085", "'1.085' is not a whole number"), ("0", "--price 0: give a whole number from 1 on")],
)
def test_a_folder_is_not_made_at_another_price_than_was_asked_for(
    price: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dr("init", "--data", tmp_path / "new", "--price", price) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_to_type_next_can_be_typed_for_a_folder_with_a_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my desk"

    assert dr("init", "--data", folder) == 0

    said = capsys.readouterr().out
    assert f"dr up --data '{folder}' " in said
    assert f"dr signal send '{folder}/first-signal.jsonl' --wait --data '{folder}' " in said
