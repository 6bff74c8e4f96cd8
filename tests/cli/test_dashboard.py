"""The live view as text: what it says, and that it keeps to the size of the terminal."""

from decimal import Decimal

import pytest

from deadreckon.cli.terminal.dashboard import RunProgress, compose, one_line
from deadreckon.cli.terminal.lines import Column, Line, between, fitted, length, table
from deadreckon.cli.terminal.sparkline import braille_line
from deadreckon.contracts import governance, venues
from deadreckon.formatting.text import cell_text
from deadreckon.projections.live_view import live_view
from deadreckon.projections.live_view.lines import LiveView
from tests.projections.test_live_view import DESK, refused, submitted, told
from tests.stories import MINUTE, START, at, bar, filled

HALFWAY = RunProgress(
    rows=500,
    rows_total=1_000,
    seconds=12,
    rows_rate=50,
    events_rate=80,
    sequence=1_234,
    lag=7,
)


def busy() -> LiveView:
    """A desk on which something of everything has happened."""
    found = told(
        *DESK,
        submitted("o1"),
        filled("buy", 1, 100, order="o1", fee=1),
        submitted("o2", "sell"),
        refused(limit=Decimal(1_000), measured=Decimal(1_100)),
    )
    for minute in range(300):
        live_view.evolve(found, at(bar(100 + minute % 7), START + (10 + minute) * MINUTE))
    return found


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


@pytest.mark.parametrize("size", [(40, 11), (80, 23), (80, 40), (116, 24), (160, 47), (300, 90)])
@pytest.mark.parametrize("found", [live_view.initial(), busy()], ids=["empty", "busy"])
def test_a_frame_fills_the_terminal_exactly(found: LiveView, size: tuple[int, int]) -> None:
    width, height = size

    lines = compose(found, HALFWAY, width, height)

    assert len(lines) == height
    assert {length(line) for line in lines} == {width}


@pytest.mark.parametrize("size", [(80, 23), (160, 47)])
def test_a_frame_tells_equity_positions_fills_refusals_and_rates(size: tuple[int, int]) -> None:
    record = text(compose(busy(), HALFWAY, *size))

    for wanted in ("BTCUSDT.PAPER", "50.0%", "0:10 left", "500 of 1,000 rows", "50 rows/s"):
        assert wanted in record
    for wanted in ("lag 7", "1,004.00", "+4.00", "order_notional_max", "1,100", "1,000"):
        assert wanted in record


def test_a_wide_frame_also_tells_open_orders_and_counts_refusals_by_rule() -> None:
    record = text(compose(busy(), HALFWAY, 160, 47))

    assert "2, 1 open" in record
    assert "refusals by rule" in record


def test_a_halt_is_said_at_the_top() -> None:
    found = told(governance.HaltRequested("ann", "feed looks wrong", "all"), board_before=busy())

    lines = compose(found, HALFWAY, 80, 23)

    assert "HALTED (all) by ann: feed looks wrong" in text(lines[:4])


def test_texts_from_outside_cannot_move_the_cursor() -> None:
    assert cell_text("a\x1b[2Jb\r\n\u4e2d") == "a·[2Jb···"


def test_where_no_screen_is_one_line_says_it_all() -> None:
    record = one_line(busy(), HALFWAY)

    assert record.startswith("500 of 1,000 rows (50%), 50 rows/s, 0:10 left; equity 1,004.00 USDT")
    assert "\n" not in record


def test_what_is_left_is_unknown_before_there_is_a_rate() -> None:
    assert RunProgress(1, 10, 0, 0, 0, 0, 0).left == "?"
    assert RunProgress(10, 10, 0, 0, 0, 0, 0).left == ""


def test_columns_of_the_highest_rank_give_way_first() -> None:
    columns = (Column("a", 5, stretches=True), Column("b", 5, 2), Column("c", 5, 1))

    (names,) = table(columns, [], 12)

    assert text([names]) == "a      c    "


def test_a_line_is_cut_with_a_mark() -> None:
    assert text([fitted([("abcdef", "")], 4)]) == "abc…"
    assert text([between([("abcdef", "")], [("12", "")], 6)]) == "abc…12"


def test_a_line_is_drawn_from_the_lowest_dot_to_the_highest() -> None:
    assert braille_line([0, 1], 1, 1) == ["⡸"]
    assert braille_line([5, 5], 2, 1) == ["⠤⠤"]
    assert braille_line([], 2, 1) == [chr(0x2800) * 2]


def test_a_venue_that_cannot_be_reached_is_told_with_the_reason() -> None:
    gone = venues.VenueConnectionChanged("SIM", connected=False, reason="connection refused")
    record = text(compose(told(*DESK, gone), HALFWAY, 80, 23))
    assert "SIM CANNOT BE REACHED: connection refused" in record
