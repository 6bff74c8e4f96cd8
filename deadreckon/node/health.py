"""Health of a running stack: whether the log accepts writes, and how far services are behind."""

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from deadreckon.node.readiness import Readiness, WatchedService
from deadreckon.node.trading_status import trading_of


def health(vitals: Readiness) -> dict[str, Any]:
    """Return the content of the page /health; `reason` says why nothing may be traded, or only
    late, or what a person has to see to all the same, `trouble` what is wrong with the stack
    itself. Both are empty when all is well."""
    log_health, trading = vitals.log_health, trading_of(vitals)
    trouble = vitals.trouble()
    warnings = [it.reason for it in trading.conditions if it.stops == "nothing"]
    reason = next(filter(None, (trouble, trading.reason, *warnings)), "")
    return {
        "ok": not reason,
        "reason": reason,
        "trouble": trouble,
        "trading": trading,
        "log": {
            "available": log_health.available,
            "reason": log_health.fault(),
            "sequence": max(vitals.feed.last, log_health.sequence),
            "seconds_since_acknowledged": log_health.seconds_since_acknowledged,
            "seconds_waiting": round(log_health.seconds_waiting, 3),
            "writes_missed": log_health.missed,
        },
        "services": {service.name: _service(service, vitals) for service in vitals.services()},
        "views": {"behind": vitals.lag},
    }


def _service(service: WatchedService, vitals: Readiness) -> dict[str, Any]:
    ends = vitals.ends()
    record = {"ready": service.ready, "behind": vitals.behind(service)}
    return record if ends is None else record | {"ends": ends.get(service.name, 0)}


class HealthCollector(Collector):
    """Health as Prometheus metrics. They belong to the process: a restart resets them."""

    def __init__(self, vitals: Readiness) -> None:
        self._vitals = vitals

    def describe(self) -> Iterator[Metric]:
        """List every metric there may be."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now."""
        log_health = self._vitals.log_health
        yield _gauge(
            "deadreckon_log_available",
            "1 while the log takes what is written here; while it is 0 nothing is traded",
            float(log_health.available),
        )
        yield _gauge(
            "deadreckon_log_acknowledged_seconds",
            "seconds since the log last acknowledged a write of this process; NaN: never",
            _seconds(log_health.seconds_since_acknowledged),
        )
        missed = CounterMetricFamily(
            "deadreckon_log_writes_missed", "attempts to write without an answer of the log"
        )
        missed.add_metric([], log_health.missed)
        yield missed
        behind = GaugeMetricFamily(
            "deadreckon_service_behind", "messages of the log not answered yet", labels=["service"]
        )
        for service in self._vitals.services():
            behind.add_metric([service.name], self._vitals.behind(service))
        yield behind
        yield from self._counts()

    def _counts(self) -> Iterator[Metric]:
        """Yield the counters since this process started."""
        yield _counter(
            "deadreckon_service_ends",
            "processes of a service that ended and were started again",
            self._vitals.ends() or {},
        )
        snapshots = self._vitals.views.snapshots
        yield _counter(
            "deadreckon_snapshots_refused",
            "snapshots that could not be used at the start",
            snapshots.refused if snapshots else {},
        )
        unsealed = CounterMetricFamily(
            "deadreckon_archive_seal_failures", "attempts to seal closed days that failed"
        )
        unsealed.add_metric([], self._vitals.seal_failures())
        yield unsealed


def _counter(name: str, note: str, by_service: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, note, labels=["service"])
    for service, count in by_service.items():
        family.add_metric([service], count)
    return family


def _gauge(name: str, note: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, note)
    family.add_metric([], value)
    return family


def _seconds(seconds: float | None) -> float:
    return float("nan") if seconds is None else seconds
