"""The metrics: a fold of the log, the same after every restart, bounded in number."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from deadreckon.contracts import governance, orders, portfolio, signals, venues
from deadreckon.contracts.archive import RangeSealed
from deadreckon.contracts.event import Event
from deadreckon.projections.metrics import file as metrics_file
from deadreckon.projections.metrics import fold as metrics
from deadreckon.projections.metrics.definitions import BY_NAME, METRICS, OTHER, SERIES_MAX
from deadreckon.projections.metrics.file import MetricsFile
from deadreckon.projections.metrics.series import BETWEEN, OMITTED, Series
from deadreckon.projections.sinks.sink import FORMAT, DamagedError, NewerFormatError
from tests import stories
from tests.stories import MINUTE, START, filled, limits, signal
from tests.support.handmade_logs import (
    FactLog,
    accepted,
    approved,
    busy_log,
    cancelled,
    equity,
    position,
    refused,
    routed,
    submitting,
)


def told(*events: Event, after: int = 0) -> Series:
    log = FactLog()
    for event in events:
        log.say(event, after=after, source="market")
    return measured(log)


def measured(log: FactLog) -> Series:
    state = metrics.initial()
    for _, facts, _ in log:
        for record in facts:
            state = metrics.evolve(state, record)
    return metrics.settled(state, log.last)


def count(series: Series, metric: str, *labels: str) -> int:
    return series.counters.get(metric, {}).get(BETWEEN.join(labels), 0)


def gauge(series: Series, metric: str, *labels: str) -> Decimal | None:
    return series.gauges.get(metric, {}).get(BETWEEN.join(labels))


def live(id: str) -> list[Event]:
    return [approved(id), routed(id), submitting(id), accepted(id)]


def test_orders_are_counted_by_what_became_of_them() -> None:
    series = told(
        signal(quantity=1),
        *live("a"),
        filled("buy", 2, 100, order="a", leaves=0),
        *live("b"),
        cancelled("b", 2, "halted"),
        *live("c"),
        orders.OrderExpired("c", Decimal(2)),
        *live("d"),
        orders.OrderRejected("d", "no_market", "none"),
        *live("e"),
        refused("max_notional"),
    )
    assert count(series, "strategy_signals_total", "desk", "ext") == 1
    assert count(series, "signals_refused_total", "desk", "max_notional") == 1
    assert count(series, "orders_approved_total", "desk") == 5
    assert count(series, "orders_submitted_total", "desk", "PAPER") == 5
    assert count(series, "orders_filled_total", "desk") == 1
    assert count(series, "orders_canceled_total", "desk", "halted") == 1
    assert count(series, "orders_expired_total", "desk") == 1
    assert count(series, "orders_rejected_total", "desk", "no_market") == 1
    assert gauge(series, "orders_open", "desk") == 1
    assert count(series, "log_events_total", "orders.order_approved") == 5


def test_rare_ends_are_counted_too() -> None:
    series = told(
        orders.OrderUnroutable("a", "s", "ext", "X", "lot", None, None, None, "small"),
        orders.OrderUnknown("b", "c-b", START, "no answer"),
        orders.OrderReplaced("c", Decimal(1), Decimal(1), None, None),
        orders.CancelMissed("d", "s", "gone"),
        orders.BracketClosed("e", "x", "stop_loss"),
        governance.OperatorRefused("door", "unknown_type", "?", ""),
        signals.CancelRaised("s2", "", "ext", "s1"),
    )
    assert count(series, "orders_unroutable_total", "desk", "lot") == 1
    assert count(series, "orders_unknown_total", "desk") == 1
    assert count(series, "orders_replaced_total", "desk") == 1
    assert count(series, "cancels_missed_total", "desk") == 1
    assert count(series, "brackets_closed_total", "desk", "stop_loss") == 1
    assert count(series, "operator_refusals_total", "desk", "unknown_type") == 1
    assert count(series, "strategy_signals_total", "desk", "ext") == 1


def test_the_age_of_the_oldest_unknown_order_grows_until_its_venue_speaks() -> None:
    lost = [orders.OrderUnknown(name, f"c-{name}", START, "no answer") for name in "ab"]
    overdue = orders.OrderOverdue("a", "c-a", START, 2 * MINUTE, MINUTE)
    series = told(submitting("a"), submitting("b"), *lost, overdue, after=MINUTE)
    assert gauge(series, "orders_unknown_open", "desk") == 2
    assert gauge(series, "orders_unknown_age_seconds", "desk") == 300
    assert count(series, "orders_overdue_total", "desk") == 1
    series = told(*lost, accepted("a"), orders.OrderRejected("b", "no", ""), after=MINUTE)
    assert gauge(series, "orders_unknown_open", "desk") == 0
    assert gauge(series, "orders_unknown_age_seconds", "desk") == 0


def test_what_a_venue_was_asked_and_whether_it_can_be_reached_is_measured() -> None:
    series = told(
        venues.VenueConnectionChanged("SIM", connected=True, reason=""),
        venues.VenueRequestSending("SIM", "a", "c-a", "submit"),
        venues.VenueRequestUnanswered("SIM", "a", "c-a", "submit", "timed out"),
        venues.VenueReportRefused("SIM", "malformed", "?", "{"),
        venues.VenueReconciled("SIM", 1, 0, ["theirs"], {}),
        orders.OrderCancelling("a", "c-a", "SIM", "halted", "why"),
    )
    assert gauge(series, "venue_connected", "desk", "SIM") == 1
    assert count(series, "venue_requests_total", "desk", "SIM", "submit") == 1
    assert count(series, "venue_requests_unanswered_total", "desk", "SIM", "submit") == 1
    assert count(series, "venue_reports_refused_total", "desk", "SIM", "malformed") == 1
    assert gauge(series, "venue_strangers", "desk", "SIM") == 1
    assert count(series, "orders_cancelling_total", "desk", "halted") == 1
    gone = told(venues.VenueConnectionChanged("SIM", connected=False, reason="refused"))
    assert gauge(gone, "venue_connected", "desk", "SIM") == 0


def test_a_fill_told_twice_counts_once() -> None:
    fill = filled("buy", 1, 100, fee="0.25")
    series = told(fill, fill)
    assert count(series, "fills_total", "desk", "ext", stories.INSTRUMENT) == 1
    assert gauge(series, "fees_paid", "desk", "USDT") == Decimal("0.25")


def test_fees_add_up_exactly_and_rebates_reduce_them() -> None:
    late = portfolio.FeeCharged("ext", "X", Decimal("0.000000000000000001"), "BTC", "ann", "late")
    series = told(
        filled("buy", 1, 100, id="a", fee="0.1", fee_currency="BTC"),
        filled("buy", 1, 100, id="b", fee="0.2", fee_currency="BTC"),
        filled("buy", 1, 100, id="c", fee="-0.05", fee_currency="BTC"),
        late,
    )
    assert gauge(series, "fees_paid", "desk", "BTC") == Decimal("0.250000000000000001")


def test_slippage_is_positive_when_it_harms_us() -> None:
    series = told(
        filled("buy", 1, "100.3", id="a", reference=100),
        filled("sell", 1, "100.3", id="b", reference=100),
        filled("buy", 1, 100, id="c", reference=100),
    )
    (histogram,) = series.histograms["exec_slippage_bps"].values()
    edges = BY_NAME["exec_slippage_bps"].edges
    hit = [edges[n] for n, seen in enumerate(histogram.counts) if seen]
    assert hit == [Decimal(-20), Decimal(0), Decimal(50)]  # -30, 0 and 30 basis points
    assert (sum(histogram.counts), histogram.sum) == (3, Decimal(0))


def test_only_the_first_fill_of_an_order_is_timed() -> None:
    first = filled("buy", 1, 100, id="a", order="o1", leaves=1)
    rest = filled("buy", 1, 100, id="b", order="o1", leaves=0)
    series = told(submitting("o1"), first, rest, after=MINUTE)
    (histogram,) = series.histograms["fill_latency_seconds"].values()
    assert (sum(histogram.counts), histogram.sum) == (1, Decimal(60))


def test_positions_equity_and_cash_stand_as_said_last() -> None:
    mark = equity(
        "1000.5",
        peak=Decimal(1100),
        drawdown=Decimal("0.09"),
        unrealised=Decimal(-3),
        exposure_gross=Decimal(500),
        exposure_net=Decimal(-500),
        cash_by_currency={"USDT": Decimal(900), "BTC": Decimal("0.1")},
        unpriced=["X.PAPER"],
    )
    where = ("desk", "ext", "PAPER", stories.INSTRUMENT)
    series = told(position(1), position("-2.5", realised=7), mark)
    assert gauge(series, "position_quantity", *where) == Decimal("-2.5")
    assert gauge(series, "pnl_realized", *where, "USDT") == 7
    assert gauge(series, "equity", "desk", "USDT") == Decimal("1000.5")
    assert gauge(series, "equity_peak", "desk", "USDT") == 1100
    assert gauge(series, "drawdown_ratio", "desk") == Decimal("0.09")
    assert gauge(series, "pnl_unrealized", "desk", "USDT") == -3
    assert gauge(series, "exposure_gross", "desk", "USDT") == 500
    assert gauge(series, "exposure_net", "desk", "USDT") == -500
    assert gauge(series, "cash", "desk", "BTC") == Decimal("0.1")
    assert gauge(series, "equity_unpriced", "desk") == 1


def test_a_currency_that_is_gone_is_no_cash_of_yesterday() -> None:
    both = equity(1, cash_by_currency={"USDT": Decimal(1), "BTC": Decimal(1)})
    series = told(both, equity(1, cash_by_currency={"USDT": Decimal(1)}))
    assert series.gauges["cash"] == {"desk\x1fUSDT": Decimal(1)}


def test_marks_come_from_bars_quotes_and_trades() -> None:
    series = told(stories.bar(100), stories.quote(101, 102))
    assert gauge(series, "mark_price", stories.INSTRUMENT) == Decimal("101.5")
    assert count(series, "market_data_events_total", "market", "bar") == 1
    assert count(series, "market_data_events_total", "market", "quote") == 1
    series = told(stories.trade(99))
    assert gauge(series, "mark_price", stories.INSTRUMENT) == 99


def test_without_limits_trading_is_not_shown_as_enabled() -> None:
    assert gauge(told(stories.bar()), "trading_enabled", "desk") is None
    assert gauge(told(limits()), "trading_enabled", "desk") == 1
    assert gauge(told(limits(trading_enabled=False)), "trading_enabled", "desk") == 0


def test_a_halt_shows_until_it_is_lifted() -> None:
    halt = governance.HaltRequested("ann", "news", "close_only")
    series = told(limits(), halt)
    assert gauge(series, "trading_halted", "desk", "close_only") == 1
    assert gauge(series, "trading_halted", "desk", "all") == 0
    assert gauge(series, "trading_enabled", "desk") == 0
    assert count(series, "halts_total", "desk", "close_only", "operator") == 1
    series = told(limits(), halt, governance.ResumeRequested("ann", "over"))
    assert gauge(series, "trading_halted", "desk", "close_only") == 0
    assert gauge(series, "trading_enabled", "desk") == 1


def test_a_halt_with_an_end_lifts_by_itself_in_log_time() -> None:
    imposed = governance.HaltImposed(
        "close_only", "drawdown_max", None, None, None, "deep", START + 3 * MINUTE
    )
    halted = told(limits(), imposed, after=MINUTE)
    lifted = told(limits(), imposed, stories.bar(), after=MINUTE)
    assert gauge(halted, "trading_halted", "desk", "close_only") == 1
    assert gauge(lifted, "trading_halted", "desk", "close_only") == 0


def test_a_damaged_log_is_a_total_halt() -> None:
    series = told(limits(), governance.LogDamaged("log.desk.risk.events", "not a commit"))
    assert gauge(series, "trading_halted", "desk", "all") == 1
    assert "log_damaged" not in str(series.counters["log_events_total"])  # never written


def test_how_far_the_log_is_sealed_is_what_the_sealer_said_last() -> None:
    words = [RangeSealed(n, 1, 50 * n, "", 50, 9, "", "", "") for n in (1, 2)]
    assert gauge(told(*words), "archive_sealed_sequence") == 100
    assert gauge(told(limits()), "archive_sealed_sequence") is None


def test_limits_in_force_are_those_set_last() -> None:
    series = told(limits(order_notional_max=1000, positions_max=3), limits(order_notional_max=500))
    assert gauge(series, "order_notional_max", "desk") == 500
    assert gauge(series, "risk_limit", "desk", "order_notional_max") == 500
    assert gauge(series, "risk_limit", "desk", "positions_max") is None
    assert gauge(told(limits()), "order_notional_max", "desk") is None


def test_books_are_kept_apart() -> None:
    log = FactLog()
    log.say(limits(), book="one")
    log.say(limits(), book="two")
    log.say(governance.HaltRequested("ann", "news"), book="two")
    series = measured(log)
    assert gauge(series, "trading_enabled", "one") == 1
    assert gauge(series, "trading_enabled", "two") == 0


def test_the_number_of_series_is_bounded_and_nothing_is_lost() -> None:
    log = FactLog()
    for number in range(SERIES_MAX + 50):
        log.say(signal(quantity=1, strategy=f"made-up-{number}"))
    series = measured(log)
    counts = series.counters["strategy_signals_total"]
    assert len(counts) == SERIES_MAX + 1
    assert counts[f"{OTHER}{BETWEEN}{OTHER}"] == 50
    assert sum(counts.values()) == SERIES_MAX + 50
    assert count(series, OMITTED, "strategy_signals_total") == 50


def test_a_gauge_too_many_is_left_out_and_counted() -> None:
    series = Series()
    for number in range(SERIES_MAX + 2):
        series.set("mark_price", Decimal(number), f"X{number}")
    assert len(series.gauges["mark_price"]) == SERIES_MAX
    assert count(series, OMITTED, "mark_price") == 2


def test_no_label_is_an_id() -> None:
    for measure in METRICS:
        assert not [label for label in measure.labels if label.endswith("id")], measure.name


def test_every_series_that_is_written_stands_in_the_catalogue_with_its_labels() -> None:
    log = busy_log(1, 60)
    log.say(equity(1), orders.BracketClosed("e", "x", "stop_loss"), stories.quote(1, 2))
    series = measured(log)
    for kind, held in (
        ("counter", series.counters),
        ("gauge", series.gauges),
        ("histogram", series.histograms),
    ):
        for name, by_labels in held.items():
            assert BY_NAME[name].kind == kind
            for key in by_labels:
                labels = key.split(BETWEEN) if key else []
                assert len(labels) == len(BY_NAME[name].labels), name


def keep(path: Path, log: FactLog, until: int | None = None) -> MetricsFile:
    file = MetricsFile(path)
    for sequence, facts, _ in log.messages[file.sequence : until or log.last]:
        file.fold(sequence, facts)
    file.flush()
    return file


@pytest.mark.parametrize("cut", [1, 50, 100, 200])
def test_counters_go_on_after_a_restart_as_if_there_had_been_none(tmp_path: Path, cut: int) -> None:
    log = busy_log(2, 30)
    whole = keep(tmp_path / "whole.json", log).visible
    keep(tmp_path / "cut.json", log, until=cut).close()
    again = MetricsFile(tmp_path / "cut.json")
    assert again.sequence == cut
    assert keep(tmp_path / "cut.json", log).visible == whole


def test_a_killed_process_folds_what_was_not_saved_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_file, "MESSAGES_PER_SAVE", 100)
    log = busy_log(2, 30)
    whole = keep(tmp_path / "whole.json", log).visible
    keep(tmp_path / "m.json", log, until=190)  # and no close
    again = MetricsFile(tmp_path / "m.json")
    assert again.sequence == 100
    assert keep(tmp_path / "m.json", log).visible == whole


def test_readers_see_the_metrics_of_the_last_flush(tmp_path: Path) -> None:
    log = busy_log(2, 30)
    file = keep(tmp_path / "m.json", log, until=50)
    seen = file.visible
    for sequence, facts, _ in log.messages[50:]:
        file.fold(sequence, facts)
    assert file.visible == seen
    file.flush()
    assert gauge(file.visible, "log_sequence") == log.last


SAVED_BY_0_1_0 = (
    b'{"place":9,"state":{"series":{"counters":{},"gauges":{},"histograms":{},"omitted":{}},"at":9,'
    b'"halts":%s,"trades":{"desk\\u001fPAPER\\u001ftrade-1":9}},"format":1}'
)


@pytest.mark.parametrize("halts", [b"{}", b'{"desk":[{"scope":"close_only","until":9}]}'])
def test_a_fold_that_another_release_saved_in_its_own_shape_is_made_anew(
    tmp_path: Path, halts: bytes
) -> None:
    log = busy_log(2, 30)
    whole = keep(tmp_path / "whole.json", log).visible
    file = tmp_path / "m.json"
    file.write_bytes(SAVED_BY_0_1_0 % halts)
    assert metrics_file.read_sequence(file) == MetricsFile(file).sequence == 0
    keep(file, log).close()
    assert MetricsFile(file).visible == whole
    assert metrics_file.read_sequence(file) == log.last


def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_bytes(b'{"place":')
    with pytest.raises(DamagedError, match="dr rebuild"):
        MetricsFile(file)
    file.write_bytes(msgspec.json.encode({"format": FORMAT + 1}))
    with pytest.raises(NewerFormatError, match="use the newer program"):
        MetricsFile(file)


def test_memory_holds_open_orders_only(tmp_path: Path) -> None:
    log = busy_log(3, 100)
    state = metrics.initial()
    for _, facts, _ in log:
        for record in facts:
            state = metrics.evolve(state, record)
    assert state.intended == {}
    known = sum(map(len, state.trades.days.values()))
    assert known == sum(state.series.counters["fills_total"].values())
    week_later = replace(
        stories.at(filled("buy", 1, 100, id="late"), START + 30 * stories.DAY), sequence=9
    )
    later = metrics.evolve(state, week_later)
    assert [len(keys) for keys in later.trades.days.values()] == [1]
