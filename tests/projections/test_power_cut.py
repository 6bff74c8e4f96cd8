"""Views after a power cut: as they were at some flush, and they go on from there."""

from pathlib import Path

import pytest

from deadreckon.projections.metrics import file
from deadreckon.projections.metrics.file import MetricsFile
from deadreckon.projections.projector import Projector
from deadreckon.projections.sinks import lake_writer
from deadreckon.projections.sinks.lake import Lake
from deadreckon.projections.sinks.lake_writer import LakeSink
from tests.support.handmade_logs import busy_log, fold_log
from tests.support.power_cut import PowerCut, recorded

LOOKED_AT = 60  # of some hundred states


@pytest.fixture(autouse=True)
def early_merges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_writer, "MERGED", 3)


@pytest.mark.slow
def test_the_lake_stands_at_a_flush_that_was_made_and_goes_on(tmp_path: Path) -> None:
    root, log = tmp_path / "root", busy_log(seed=3, orders=8)
    root.mkdir()

    def act(cut: PowerCut) -> None:
        projector = Projector([LakeSink(root / "lake", None)])
        for sequence in range(log.last // 5, log.last + 1, log.last // 5):
            fold_log(projector, log, until=sequence)
            projector.flush()
            cut.acknowledge(str(sequence))

    cut = recorded(root, act)
    cut.states = cut.states[:: max(1, len(cut.states) // LOOKED_AT)]
    for left, told in cut.each(tmp_path):
        projector = Projector([LakeSink(left / "lake", None)])
        assert projector.sequence >= int(next(reversed(told), 0))
        fold_log(projector, log)
        projector.close()
        lake = Lake(left / "lake")
        assert lake.damage() is None
        assert lake.sequence == log.last


def test_saved_metrics_are_whole(tmp_path: Path) -> None:
    root, log = tmp_path / "root", busy_log(seed=3, orders=8)
    root.mkdir()

    def act(cut: PowerCut) -> None:
        metrics = MetricsFile(root / "metrics.json")
        for sequence, facts, _ in log.messages:
            metrics.fold(sequence, facts)
            if sequence % 40 == 0:
                metrics.save()
                cut.acknowledge(str(sequence))

    for left, told in recorded(root, act).each(tmp_path):
        assert file.read(left / "metrics.json").sequence >= int(next(reversed(told), 0))
