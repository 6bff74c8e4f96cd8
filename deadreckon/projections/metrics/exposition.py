"""Exposes the metrics fold to Prometheus, next to the metrics of the process.

Amounts become floats here and nowhere else: Prometheus only displays money.
"""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deadreckon.projections.metrics.definitions import METRICS, MetricDefinition
from deadreckon.projections.metrics.series import BETWEEN, Histogram, Series


class LogCollector(Collector):
    """Prometheus collector of the metrics fold: `registry.register(LogCollector(lambda:
    file.visible))`."""

    def __init__(self, visible: Callable[[], Series]) -> None:
        self._visible = visible

    def describe(self) -> Iterator[Metric]:
        """Yield every possible metric, so that two of one name are refused at registration."""
        return families(Series())

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its series as of the last flush."""
        return families(self._visible())


def families(series: Series) -> Iterator[Metric]:
    """Yield every metric with its samples from these series, also metrics without any."""
    for measure in METRICS:
        if measure.kind == "counter":
            yield _counter(measure, series.counters.get(measure.name, {}))
        elif measure.kind == "gauge":
            yield _gauge(measure, series)
        else:
            yield _histogram(measure, series.histograms.get(measure.name, {}))


def _counter(measure: MetricDefinition, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(measure.name, measure.note, labels=measure.labels)
    for key, count in counts.items():
        family.add_metric(_labels(key), count)
    return family


def _gauge(measure: MetricDefinition, series: Series) -> Metric:
    family = GaugeMetricFamily(measure.name, measure.note, labels=measure.labels)
    for key, amount in series.gauges.get(measure.name, {}).items():
        family.add_metric(_labels(key), float(amount))
    return family


def _histogram(measure: MetricDefinition, histograms: dict[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(measure.name, measure.note, labels=measure.labels)
    for key, histogram in histograms.items():
        family.add_metric(_labels(key), _buckets(measure, histogram), float(histogram.sum))
    return family


def _buckets(measure: MetricDefinition, histogram: Histogram) -> list[tuple[str, float]]:
    """Accumulate counts by upper bound, as the exposition format requires."""
    bounds = [str(float(edge)) for edge in measure.edges] + ["+Inf"]
    buckets, so_far = [], 0
    for bound, count in zip(bounds, histogram.counts, strict=True):
        so_far += count
        buckets.append((bound, float(so_far)))
    return buckets


def _labels(key: str) -> list[str]:
    return key.split(BETWEEN) if key else []
