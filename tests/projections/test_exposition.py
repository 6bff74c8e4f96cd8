"""What Prometheus reads: the fold beside the process's own figures, in one registry."""

from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from deadreckon.projections.metrics.definitions import METRICS
from deadreckon.projections.metrics.exposition import LogCollector
from deadreckon.projections.metrics.file import MetricsFile
from deadreckon.projections.metrics.series import Series
from tests import stories
from tests.stories import filled
from tests.support.handmade_logs import FactLog, busy_log, submitting


def registry_of(series: Series) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(LogCollector(lambda: series))
    return registry


def kept(tmp_path: Path, log: FactLog) -> MetricsFile:
    metrics = MetricsFile(tmp_path / "metrics.json")
    for sequence, facts, _ in log:
        metrics.fold(sequence, facts)
    metrics.flush()
    return metrics


def test_the_text_says_what_the_fold_says(tmp_path: Path) -> None:
    metrics = kept(tmp_path, busy_log(1, 60))
    registry = registry_of(metrics.visible)
    text = generate_latest(registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = metrics.visible.counters["orders_filled_total"]["desk"]
    assert registry.get_sample_value("orders_filled_total", {"book": "desk"}) == counts > 0
    assert families["equity"].type == "gauge"
    assert families["orders_filled"].type == "counter"
    assert families["exec_slippage_bps"].type == "histogram"
    assert "_created" not in text


def test_buckets_are_cumulative_and_end_in_the_count(tmp_path: Path) -> None:
    log = FactLog()
    for number, price in enumerate(("100.3", "99.7", "100", "200")):
        log.say(filled("buy", 1, price, id=f"t{number}", reference=100))
    registry = registry_of(kept(tmp_path, log).visible)
    labels = {"book": "desk", "venue": "PAPER", "instrument": stories.INSTRUMENT}

    def below(edge: str) -> float | None:
        return registry.get_sample_value("exec_slippage_bps_bucket", labels | {"le": edge})

    assert [below(edge) for edge in ("-50.0", "-20.0", "0.0", "50.0", "+Inf")] == [0, 1, 2, 3, 4]
    # With buckets below zero a sum could fall, so the format has neither sum nor count of them.
    assert registry.get_sample_value("exec_slippage_bps_sum", labels) is None


def test_waiting_times_have_a_sum_and_a_count(tmp_path: Path) -> None:
    log = FactLog()
    log.say(submitting("o1"))
    log.say(filled("buy", 1, 100, order="o1"), after=90 * stories.SECOND)
    registry = registry_of(kept(tmp_path, log).visible)
    labels = {"book": "desk", "venue": "PAPER"}
    assert registry.get_sample_value("fill_latency_seconds_sum", labels) == 90
    assert registry.get_sample_value("fill_latency_seconds_count", labels) == 1
    below = [
        registry.get_sample_value("fill_latency_seconds_bucket", labels | {"le": edge})
        for edge in ("60.0", "300.0")
    ]
    assert below == [0, 1]


def test_one_registry_shows_the_fold_beside_the_processs_own(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    Gauge("process_own", "what the process knows of itself", registry=registry).set(3)
    metrics = kept(tmp_path, busy_log(1, 5))
    registry.register(LogCollector(lambda: metrics.visible))
    text = generate_latest(registry).decode()
    assert "process_own 3.0" in text
    assert "log_sequence" in text


def test_a_name_that_is_taken_is_refused_when_it_is_registered() -> None:
    registry = CollectorRegistry()
    Gauge("equity", "somebody else's", registry=registry)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(LogCollector(Series))


def test_every_scrape_shows_the_newest_flush(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    metrics = MetricsFile(tmp_path / "metrics.json")
    registry.register(LogCollector(lambda: metrics.visible))
    assert registry.get_sample_value("log_sequence") == 0
    metrics.fold(1, [])
    metrics.flush()
    assert registry.get_sample_value("log_sequence") == 1


def test_names_keep_the_conventions() -> None:
    for measure in METRICS:
        assert measure.name.endswith("_total") == (measure.kind == "counter"), measure.name
        assert measure.name == measure.name.lower()
        assert (measure.kind == "histogram") == bool(measure.edges)
        assert list(measure.edges) == sorted(measure.edges)
    assert len({measure.name for measure in METRICS}) == len(METRICS)


def test_odd_label_values_are_escaped() -> None:
    series = Series()
    series.set("mark_price", Decimal("1.5"), 'odd "name"\n\\')
    text = generate_latest(registry_of(series)).decode()
    (family,) = [f for f in text_string_to_metric_families(text) if f.name == "mark_price"]
    assert family.samples[0].labels == {"instrument": 'odd "name"\n\\'}
