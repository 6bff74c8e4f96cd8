"""The metrics of a past day as OpenMetrics with timestamps: what a scraper would have seen then."""

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from deadreckon.contracts.event import NANOSECONDS, Recorded
from deadreckon.contracts.timestamps import DAY, day_start
from deadreckon.projections.metrics import fold as metrics
from deadreckon.projections.metrics.exposition import families

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class MetricHistory:
    """Fold of a log from its first message that samples every series at each step of a day."""

    def __init__(self, day: str, step_seconds: int) -> None:
        self._state = metrics.initial()
        self._step = step_seconds * NANOSECONDS
        self._next = day_start(day)
        self._end = self._next + DAY
        self._sequence = 0
        self._families: dict[str, Metric] = {}
        self._lines: dict[str, dict[str, list[str]]] = {}  # by family and by what is measured
        self.samples = 0
        self.steps = 0

    @property
    def is_over(self) -> bool:
        """True when the day lies behind, so that later events do not matter."""
        return self._next >= self._end

    def fold(self, sequence: int, facts: Sequence[Recorded[Any]]) -> None:
        """Take one message's facts."""
        for record in facts:
            if record.at > self._next:
                self._sample_before(record.at)
            self._state = metrics.evolve(self._state, record)
        self._sequence = sequence

    def finish(self) -> None:
        """Sample what the log's last event still reached."""
        if self._state.at >= self._next:
            self._sample_before(self._state.at + 1)

    def lines(self) -> Iterator[str]:
        """Yield the text, one metric after the other, as the format requires."""
        for name, family in self._families.items():
            yield f"# HELP {name} {family.documentation.translate(_ESCAPES)}\n"
            yield f"# TYPE {name} {family.type}\n"
            for lines in self._lines[name].values():
                yield from lines
        yield "# EOF\n"

    def _sample_before(self, at: int) -> None:
        if not self._state.at:  # nothing was known before the first event
            self._next += -(-(at - self._next) // self._step) * self._step
            return
        while self._next < min(at, self._end):
            self._sample(self._next // NANOSECONDS)
            self._next += self._step

    def _sample(self, at: int) -> None:
        self.steps += 1
        for family in families(metrics.settled(self._state, self._sequence)):
            if not family.samples:
                continue
            self._families.setdefault(family.name, family)
            known = self._lines.setdefault(family.name, {})
            for sample in family.samples:
                line = f"{sample.name}{_labels(sample.labels)} {sample.value!r} {at}\n"
                known.setdefault(_measured(sample), []).append(line)
                self.samples += 1


def _measured(sample: Sample) -> str:
    """Return the labels that identify a histogram: its buckets stand together at each moment."""
    return _labels({name: text for name, text in sample.labels.items() if name != "le"})


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    written = ",".join(f'{name}="{text.translate(_ESCAPES)}"' for name, text in labels.items())
    return f"{{{written}}}"
