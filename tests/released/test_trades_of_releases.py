"""Trades of the logs that a release left: they add up to its positions, to the last digit."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from deadreckon.projections.projector import Projector
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK
from tests.released.test_logs_of_releases import CASES, logs_of
from tests.sessions.player import decoded
from tests.support.memory_sink import MemorySink

KEY = ("book", "strategy", "venue", "instrument")
SUMS = {"gross": "realised", "fees": "fees", "funding": "funding"}


@pytest.mark.parametrize(("version", "name"), CASES)
def test_trades_of_a_release_add_up_to_its_positions(version: str, name: str) -> None:
    sink = MemorySink()
    projector = Projector([sink])
    intake = Ingress(BOOK, "paper", reads_signals=False, restamps=False)
    for message in decoded(logs_of(version)[name]):
        projector.fold(message.sequence, list(intake.records_of(message)), message.stored_at)
    projector.flush()
    sums: dict[tuple[Any, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in sink.rows("round_trips"):
        for mine, theirs in SUMS.items():
            sums[tuple(row[column] for column in KEY)][theirs] += Decimal(row[mine])
        assert Decimal(row["mae"]) <= 0 <= Decimal(row["mfe"])
        if row["status"] != "open":
            assert Decimal(row["mae"]) <= Decimal(row["gross"]) <= Decimal(row["mfe"])
    positions = {tuple(row[c] for c in KEY): row for row in sink.rows("positions")}
    assert sums.keys() == positions.keys()
    for key, found in sums.items():
        assert found == {name: Decimal(positions[key][name]) for name in SUMS.values()}
