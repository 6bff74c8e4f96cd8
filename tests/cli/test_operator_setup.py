"""Verbs that set limits, cash and strategies refuse what is not an amount, in one line."""

from pathlib import Path

import pytest

from deadreckon.cli import limits, strategy
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
