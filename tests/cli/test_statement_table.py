"""The statement as people see it."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from deadreckon.cli.terminal.statement_table import show_next, show_statement
from deadreckon.replay.audit.document import AuditDocument

NOTHING = {"realised": "0", "unrealised": "0", "fees": "0", "funding": "0", "net": "0"}


def statement(**changes: Any) -> dict[str, Any]:
    """The statement of a small day."""
    made = {"realised": "12.5", "unrealised": "-2", "fees": "1.25", "funding": "0", "net": "9.25"}
    return {
        "book": "desk",
        "day": "all",
        "events": 1_234,
        "signals": 12,
        "refusals": 3,
        "refusals_by_rule": {"order_gap_min": 1, "halted": 2},
        "orders": 9,
        "fills": 8,
        "pnl": made,
        "by_strategy": [{"strategy": "cross[red]", **made}],
        "by_venue": [{"venue": "PAPER", **made}],
        "by_instrument": [{"instrument": "BTCUSDT.PAPER", **made}],
        "positions": [
            {
                "strategy": "cross",
                "venue": "PAPER",
                "instrument": "BTCUSDT.PAPER",
                "opening_quantity": "0",
                "closing_quantity": "-0.25",
                "average_price": "101.5",
                "mark": None,
            }
        ],
        "equity": {
            "opening": "0",
            "deposited": "1000",
            "pnl": "9.25",
            "closing": "1009.25",
            "revaluation": "0",
            "unexplained": "0",
        },
        "unpriced": [],
        "configuration": {},
        "first_sequence": 1,
        "last_sequence": 2_345,
        "digest": "ab" * 32,
        "checks": {
            "portfolio_events_compared": 16,
            "portfolio_differences": [],
            "log_damages": [],
        },
    } | changes


def shown(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    show_statement(convert(statement(**changes), AuditDocument))
    return capsys.readouterr().out


def test_figures_checks_and_digest_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    record = shown(capsys)

    for wanted in ("+12.50", "-2.00", "+9.25", "total", "sequences 1 to 2,345", "ab" * 32):
        assert wanted in record
    assert "equity 0.00 deposited +1,000.00 pnl +9.25 = 1,009.25 (0.92 %)" in record
    assert "✓ 16 figures that portfolio said recomputed from the log: none differs" in record


def test_names_from_outside_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert "cross[red]" in shown(capsys)


def test_the_busiest_rule_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    record = shown(capsys)

    assert record.index("halted") < record.index("order_gap_min")


def test_what_differs_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    checks = {
        "portfolio_events_compared": 16,
        "portfolio_differences": ["event e1 at sequence 5: equity 7, recomputed 8"],
        "log_damages": [],
        "projections": {"agree": False, "says": "the audit book has 7 fills, the log 8"},
    }

    record = shown(capsys, checks=checks)

    assert "✗ of 16 figures that portfolio said, 1 differ" in record
    assert "recomputed 8" in record
    assert "✗ the audit book has 7 fills, the log 8" in record


def test_a_book_that_did_nothing_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    empty: dict[str, Any] = {
        "pnl": NOTHING,
        "by_strategy": [],
        "by_venue": [],
        "by_instrument": [],
        "positions": [],
        "refusals_by_rule": {},
        "unpriced": ["BTC"],
        "equity": dict.fromkeys(statement()["equity"], "0"),
    }

    record = shown(capsys, **empty)

    assert "no price or rate, so left out of every sum: BTC" in record


def test_what_to_try_next_names_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    show_next(Path("run 1"), finished=True)

    record = capsys.readouterr().out
    assert "./dr replay audit --all --data 'run 1'" in record
    assert 'duckdb.connect("run 1/analytics.duckdb", read_only=True)' in record
    assert "the same command again" not in record


def test_a_run_that_was_stopped_can_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    show_next(Path("run1"), finished=False)

    assert "the same command again: it goes on from here" in capsys.readouterr().out
