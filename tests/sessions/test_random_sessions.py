"""What holds whatever happened: services agree, nothing stays promised, a cut changes nothing."""

import asyncio
from random import Random

import pytest

from deadreckon.accounting import ledger
from tests.sessions.player import Session, audited, narration
from tests.sessions.random_sessions import RandomScript

SEEDS = range(25)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_after_a_random_session_all_services_agree_and_nothing_is_promised(seed: int) -> None:
    session = Session(f"chance {seed}", RandomScript(seed).script())
    asyncio.run(session.play())
    risk, fill, router = (session.states[name] for name in ("risk", "fill", "router"))
    book = session.states["portfolio"].ledger
    dust = {
        (strategy, instrument): left
        for (strategy, _, instrument), _ in ledger.positions(book)
        if (left := ledger.held_after_fees(book, strategy, instrument))
    }
    assert dust == {
        (strategy, instrument): left
        for instrument, holders in fill.positions.items()
        for strategy, left in holders.items()
    }
    for (_, instrument), left in dust.items():
        assert abs(left) < book.listings[instrument].lot_size, "what a fee in coins has left"
    promised = [risk.orders, risk.children, risk.exposures, risk.legs, risk.brackets]
    underway = [fill.orders, fill.waiting, fill.expiring, fill.approved, fill.withdrawn]
    assert not any([*promised, *underway, fill.brackets, fill.legs, router.families])
    assert audited(session.log).differences == []
    place = Random(seed).randrange(1, len(session.log))
    log = asyncio.run(session.played_after_a_cut(place))
    assert narration(log) == narration(session.log), f"cut after message {place}"
