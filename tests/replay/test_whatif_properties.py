"""What holds of every what-if, whatever the session was: nothing supposed, nothing different."""

import asyncio
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from msgspec import to_builtins

from deadreckon.archive.segments import Archive
from deadreckon.replay.whatif.changes import variants
from deadreckon.replay.whatif.job.job import WhatIfRequest, run_whatif
from tests.sessions.player import Session, audited
from tests.sessions.random_sessions import RandomScript

SUPPOSED = (
    "risk.order_notional_max=700",
    "risk.exposure_instrument_max=900",
    "risk.orders_in_flight_max=1",
    "venue.PAPER.taker_fee_rate=0.01",
    "venue.PAPER.slippage_bps=25",
    "venue.PAPER.participation=0.1",
)


@pytest.mark.parametrize("seed", range(8))
def test_differences_add_up_and_results_agree_with_themselves(seed: int, tmp_path: Path) -> None:
    session = Session(f"what if {seed}", RandomScript(seed).script())
    asyncio.run(session.play())
    chosen = Random(seed).sample(SUPPOSED, 2)

    wanted = WhatIfRequest(Path("nowhere"), None, variants(chosen, [], [], []), 1, tmp_path / "out")
    found = to_builtins(run_whatif(wanted, session.log, shows=False))

    assert found["baseline"]["equal"]
    (variant,) = found["variants"]
    told = variant["difference"]
    parts = (told["recorded_fills_only"], told["assumed"]["pnl"], told["terms"])
    net, before = (Decimal(run["pnl"]["net"]) for run in (variant, found["record"]))
    assert sum(map(Decimal, parts)) == Decimal(told["paper_matching"]) == net - before
    messages = Archive(Path(variant["folder"]) / "archive").messages(0)
    result = audited(stored for some in messages for stored in some)
    result.finish()
    assert (result.differences, result.damages) == ([], [])
