"""Labelled exact metrics: counters as integers, gauges as Decimals, histograms as counts."""

from decimal import Decimal

from msgspec import Struct, field

from deadreckon.contracts.amounts import ZERO
from deadreckon.projections.metrics.definitions import BY_NAME, OTHER, SERIES_MAX
from deadreckon.projections.tables.derived import total

BETWEEN = "\x1f"  # joins label values to one key; no name from the log contains it
OMITTED = "metric_series_omitted_total"


class Histogram(Struct):
    """Observation counts by bucket (the last one is open) and their exact sum."""

    counts: list[int]
    sum: Decimal = ZERO


class Series(Struct):
    """All series by metric and label values."""

    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    gauges: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    histograms: dict[str, dict[str, Histogram]] = field(default_factory=dict)

    def count(self, metric: str, *labels: str, by: int = 1) -> None:
        """Increase a counter."""
        key = BETWEEN.join(labels)
        try:
            self.counters[metric][key] += by
        except KeyError:
            self._begin_count(metric, key, labels, by)

    def set(self, metric: str, amount: Decimal, *labels: str) -> None:
        """Set a gauge. Beyond SERIES_MAX it is left out, since a gauge labelled `other` would
        mean nothing."""
        series = self.gauges.setdefault(metric, {})
        key = BETWEEN.join(labels)
        if key not in series and len(series) >= SERIES_MAX:
            self.count(OMITTED, metric)
        else:
            series[key] = amount

    def add(self, metric: str, amount: Decimal, *labels: str) -> None:
        """Add to a gauge."""
        held = self.gauges.get(metric, {}).get(BETWEEN.join(labels), ZERO)
        self.set(metric, total(held, amount), *labels)

    def clear(self, metric: str, *labels: str) -> None:
        """Remove the series of a metric whose first labels are these."""
        start = "".join(label + BETWEEN for label in labels)
        series = self.gauges.get(metric, {})
        for key in [key for key in series if f"{key}{BETWEEN}".startswith(start)]:
            del series[key]

    def observe(self, metric: str, amount: Decimal, *labels: str) -> None:
        """Add one observation to a histogram."""
        edges = BY_NAME[metric].edges
        series = self.histograms.setdefault(metric, {})
        key = BETWEEN.join(labels)
        if key not in series and len(series) >= SERIES_MAX:
            self.count(OMITTED, metric)
            key = BETWEEN.join(OTHER for _ in labels)
        histogram = series.setdefault(key, Histogram([0] * (len(edges) + 1)))
        bucket = next((n for n, edge in enumerate(edges) if amount <= edge), len(edges))
        histogram.counts[bucket] += 1
        histogram.sum = total(histogram.sum, amount)

    def _begin_count(self, metric: str, key: str, labels: tuple[str, ...], by: int) -> None:
        series = self.counters.setdefault(metric, {})
        if len(series) >= SERIES_MAX:
            self.count(OMITTED, metric)
            key = BETWEEN.join(OTHER for _ in labels)
        series[key] = series.get(key, 0) + by
