"""What is refused, by which rule and in which row; and what is only remarked upon."""

from pathlib import Path

import pytest

from deadreckon.marketdata.tapes.importing import convert
from deadreckon.marketdata.tapes.options import ImportOptions
from deadreckon.marketdata.tapes.quality import RULE_DESCRIPTIONS, QualityReport

BARS = "time,open,high,low,close,volume"
QUOTES = "time,bid,ask,bid_size,ask_size"
TRADES = "time,price,quantity,side,id"
START = 1_700_000_040


def judged(folder: Path, header: str, *lines: str) -> QualityReport:
    path = folder / "source.csv"
    path.write_text("\n".join([header, *lines]))
    return convert(path, "BTCUSDT.PAPER", ImportOptions())[2]


def bar(minute: int, values: str = "10,12,9,11,5") -> str:
    return f"{START + 60 * minute},{values}"


def found(report: QualityReport, rule: str) -> list[int]:
    return next((one.rows for one in report.findings if one.rule == rule), [])


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("unparseable", "10,twelve,9,11,5"),
        ("unparseable", "10,12,9,11"),
        ("unparseable", "10,12,9,11,5,6"),
        ("unparseable", "10,1 2,9,11,5"),
        ("unparseable", "10,0x12,9,11,5"),
        ("unparseable", "10,１２,9,11,5"),
        ("not_a_number", "10,12,9,NaN,5"),
        ("not_a_number", "10,12,9,,5"),
        ("not_a_number", "10,inf,9,11,5"),
        ("not_a_number", "10,12,9,11,null"),
        ("too_precise", "10.0000000000001,12,9,11,5"),
        ("too_precise", "10,12,9,11,1e-13"),
        ("too_large", "10,99999999999999999999,9,11,5"),
        ("too_large", "10,12,9,11,1e300"),
        ("not_positive", "10,12,0,11,5"),
        ("not_positive", "-10,12,-11,11,5"),
        ("negative_volume", "10,12,9,11,-0.00000001"),
        ("high_low_inconsistent", "10,10.9,9,11,5"),
        ("high_low_inconsistent", "10,12,10.1,11,5"),
        ("high_low_inconsistent", "10,9,12,10,5"),
    ],
)
def test_a_bad_bar_is_refused_by_its_rule_and_row(tmp_path: Path, rule: str, values: str) -> None:
    report = judged(tmp_path, BARS, bar(0), bar(1), bar(2, values), bar(3))
    assert report.refused == {rule: 1}
    assert found(report, rule) == [3]
    assert (report.rows_read, report.rows_kept) == (4, 3)


def test_every_rule_has_a_meaning_and_a_row_breaks_only_the_first(tmp_path: Path) -> None:
    report = judged(tmp_path, BARS, bar(0), bar(1), "never,NaN,-1,5,-3,-4")
    assert report.refused == {"unparseable": 1}
    assert set(report.refused) <= RULE_DESCRIPTIONS.keys()


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "12", "2023-02-30 10:00:00", "1e30", "-1700000000"]
)
def test_a_row_without_a_credible_time_is_refused(tmp_path: Path, stamp: str) -> None:
    report = judged(tmp_path, BARS, bar(0), f"{stamp},10,12,9,11,5", bar(1))
    assert found(report, "unparseable") == [2]


def test_time_that_runs_backwards_is_refused_against_the_row_kept_before(tmp_path: Path) -> None:
    late_but_bad = bar(9, "10,12,9,NaN,5")  # refused, so it sets no time for those after it
    report = judged(tmp_path, BARS, bar(0), bar(3), bar(1), late_but_bad, bar(2), bar(4), bar(5))
    assert found(report, "time_backwards") == [3, 5]
    assert found(report, "not_a_number") == [4]
    assert report.rows_kept == 4


def test_a_second_bar_of_the_same_time_is_refused(tmp_path: Path) -> None:
    report = judged(tmp_path, BARS, bar(0), bar(1), bar(1, "10,12,9,10,5"), bar(2))
    assert report.refused == {"duplicate_time": 1}
    assert found(report, "duplicate_time") == [3]


def test_a_crossed_book_is_refused_and_a_locked_one_remarked_upon(tmp_path: Path) -> None:
    report = judged(
        tmp_path, QUOTES, f"{START},10,11,1,1", f"{START},11.1,11,1,1", f"{START},11,11,0,1"
    )
    assert report.refused == {"crossed_book": 1}
    assert found(report, "crossed_book") == [2]
    assert found(report, "locked_book") == [3]
    assert found(report, "zero_volume") == [3]


@pytest.mark.parametrize(
    ("rule", "values"),
    [("not_positive", "0,11,1,1"), ("negative_volume", "10,11,1,-1"), ("not_a_number", "10,11,,1")],
)
def test_a_bad_quote_is_refused(tmp_path: Path, rule: str, values: str) -> None:
    report = judged(tmp_path, QUOTES, f"{START},10,11,1,1", f"{START},{values}")
    assert (report.refused, found(report, rule)) == ({rule: 1}, [2])


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("not_positive", "-1,1,buy,a"),
        ("negative_volume", "1,-1,buy,a"),
        ("unparseable", "1,1,sideways,a"),
    ],
)
def test_a_bad_trade_is_refused(tmp_path: Path, rule: str, values: str) -> None:
    report = judged(tmp_path, TRADES, f"{START},1,1,sell,z", f"{START},{values}")
    assert (report.refused, found(report, rule)) == ({rule: 1}, [2])


def test_a_trade_seen_twice_is_remarked_upon(tmp_path: Path) -> None:
    lines = [f"{START},1,1,sell,{name}" for name in ("a", "b", "a", "", "")]
    assert found(judged(tmp_path, TRADES, *lines), "duplicate_trade_id") == [3]


def test_a_gap_tells_how_many_bars_are_missing_and_where(tmp_path: Path) -> None:
    report = judged(tmp_path, BARS, *(bar(minute) for minute in (0, 1, 2, 6, 7, 9)))
    (gap,) = (one for one in report.findings if one.rule == "gap")
    assert (gap.refused, gap.count, gap.rows) == (False, 2, [4, 6])
    assert gap.notes == [
        "3 missing before 2023-11-14T22:20:00Z",
        "1 missing before 2023-11-14T22:23:00Z",
    ]
    assert report.rows_kept == 6


def test_a_bar_beside_the_grid_is_remarked_upon(tmp_path: Path) -> None:
    odd = f"{START + 150},10,12,9,11,5"
    report = judged(tmp_path, BARS, bar(0), bar(1), bar(2), odd, bar(3), bar(4))
    assert found(report, "off_grid") == [4, 5]


def test_a_silence_among_trades_is_a_gap(tmp_path: Path) -> None:
    times = [*range(200), 40_000, 40_001]
    lines = [f"{START + second},1,1,sell,{second}" for second in times]
    (gap,) = (one for one in judged(tmp_path, TRADES, *lines).findings if one.rule == "gap")
    assert (gap.rows, gap.notes) == ([201], ["11h03m21s of silence before 2023-11-15T09:20:40Z"])


def test_a_jump_is_kept_and_remarked_upon(tmp_path: Path) -> None:
    closes = [1000 + minute % 2 for minute in range(30)]
    closes[20:] = [close + 200 for close in closes[20:]]
    lines = [
        bar(minute, f"{close},{close},{close},{close},1") for minute, close in enumerate(closes)
    ]
    report = judged(tmp_path, BARS, *lines)
    (jump,) = (one for one in report.findings if one.rule == "jump")
    assert (jump.rows, jump.notes) == ([21], ["+19.88% at 2023-11-14T22:34:00Z"])
    assert report.rows_kept == 30


def test_only_the_first_twenty_rows_are_listed_but_all_are_counted(tmp_path: Path) -> None:
    bad = [bar(minute, "10,12,9,11,x") for minute in range(1, 51)]
    (finding,) = (
        one
        for one in judged(tmp_path, BARS, bar(0), *bad, bar(51), bar(52)).findings
        if one.refused
    )
    assert (finding.count, finding.rows) == (50, list(range(2, 22)))


def test_rows_are_counted_past_empty_lines(tmp_path: Path) -> None:
    report = judged(tmp_path, BARS, bar(0), "", bar(1), bar(2, "10,12,9,11,x"), bar(3), "", "")
    assert found(report, "unparseable") == [4]
    assert (report.rows_read, report.header_lines) == (4, 1)
