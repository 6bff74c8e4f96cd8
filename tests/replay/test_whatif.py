"""What a recorded day would have come to: told of sessions whose every number is known."""

import asyncio
from collections.abc import Generator, Sequence
from decimal import Decimal
from pathlib import Path
from types import coroutine
from typing import Any

import pytest
from msgspec import to_builtins

from deadreckon.archive.segments import Archive
from deadreckon.contracts.timestamps import day_of
from deadreckon.replay.whatif.changes import WhatIfError, variants
from deadreckon.replay.whatif.job.job import WhatIfRequest, run_whatif
from deadreckon.replay.whatif.job.simulation import finished
from deadreckon.replay.whatif.log_scan import DamagedLogError
from deadreckon.runtime.log.bus import Stored
from deadreckon.services.catalogue import BOOK
from tests.sessions.player import Session, audited
from tests.sessions.script import Script, alice, later, minute, opening
from tests.sessions.test_sessions import NAMES, session
from tests.stories import HOUR, START, bar, limits, venue

Document = dict[str, Any]


def played(script: Script) -> list[Stored]:
    found = Session("whatif", script)
    asyncio.run(found.play())
    return found.log


def whatif(
    log: list[Stored],
    *settings: str,
    day: str | None = None,
    disable: Sequence[str] = (),
    without: Sequence[str] = (),
    grid: Sequence[str] = (),
    jobs: int = 1,
    out: Path | None = None,
) -> Document:
    before = list(log)
    supposed = variants(settings, disable, without, grid)
    request = WhatIfRequest(Path("nowhere"), day, supposed, jobs, out)
    found: Document = to_builtins(run_whatif(request, log, shows=False))
    assert log == before
    return found


def only(document: Document) -> Document:
    (variant,) = document["variants"]
    return dict(variant)


def net(run: Document) -> Decimal:
    return Decimal(run["pnl"]["net"])


def rules(rows: list[Document]) -> list[tuple[str, str, str | None, str | None]]:
    return [(row["signal_id"], row["rule"], row["limit"], row["measured"]) for row in rows]


# Four entries of 300, 600, 400 and 1,000 at 100, which leave at 110: each hundred earns ten.
SIZES: Script = [
    *opening(limits(order_notional_max=1_000), at=venue(taker="0.001")),
    *minute(bar(100)),
    *alice("three", "buy", 3),
    *alice("six", "buy", 6, strategy="other"),
    *alice("four", "buy", 4),
    *alice("ten", "buy", 10, strategy="other"),
    *minute(bar(100)),
    *alice("out", "sell", 7, reduce_only=True),
    *alice("other out", "sell", 16, strategy="other", reduce_only=True),
    *minute(bar(110), bar(110)),
]


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"real_venue"}))
def test_without_a_change_a_session_gives_what_was_recorded(name: str) -> None:
    found = whatif(session(name).log)

    assert found["baseline"]["equal"]
    assert found["baseline"]["digest"] == found["record"]["digest"]
    assert found["baseline"]["drawdown_max"] == found["record"]["drawdown_max"]
    assert "exactly what was recorded" in found["honesty"][0]


def test_a_venues_fills_are_reality_and_paper_is_said_to_be_an_assumption() -> None:
    found = whatif(session("real_venue").log)

    assert not found["baseline"]["equal"]
    record = " ".join(found["honesty"])
    assert "came from a venue" in record
    assert "is 10.3 off the record" in record
    assert {fact["type"] for fact in found["baseline"]["overlaid"]} == {
        "instruments.venue_configured"
    }


def test_a_lower_limit_refuses_precisely_the_orders_above_it_with_both_numbers() -> None:
    found = whatif(played(SIZES), "risk.max_notional=500")
    variant = only(found)

    assert rules(variant["refused_newly"]) == [
        ("six", "order_notional_max", "500", "600"),
        ("ten", "order_notional_max", "500", "1000"),
        ("other out", "reduce_only_without_position", None, "0"),
    ]
    assert variant["allowed_newly"] == []
    assert variant["fills_compared"] == {"kept": 3, "changed": 0, "dropped": 3, "assumed": 0}
    # 16 bought at 100 and sold at 110, at a tenth of a per cent: 160 - 1.6 - 1.76.
    assert net(found["record"]) - net(variant) == Decimal("156.64")
    told = variant["difference"]
    assert (told["recorded_fills_only"], told["paper_matching"]) == ("-156.64", "-156.64")
    assert told["assumed"] == {
        "fills": 0,
        "orders": 0,
        "notional": "0",
        "pnl": "0",
        "share": "0",
    }


@pytest.mark.parametrize("left_out", ["ext", "other"])
def test_without_a_strategy_its_pnl_is_gone_and_nothing_else(left_out: str) -> None:
    log = played(SIZES)
    figures = audited(log).finish().figures
    own = sum(one.net for (name, _, _), one in figures.items() if name == left_out)

    found = whatif(log, without=[left_out])
    variant = only(found)

    assert net(variant) == net(found["record"]) - own
    assert Decimal(variant["difference"]["recorded_fills_only"]) == -own
    assert Decimal(variant["difference"]["paper_matching"]) == -own
    assert variant["signals_left_out"] == 3
    assert variant["wishes"] == {"no_more": 3, "new": 0, "other": 0}
    assert variant["refused_newly"] == []


def test_a_strategy_of_the_house_is_silent_without_it() -> None:
    found = only(whatif(session("moving_average").log, without=["cross"]))

    assert (found["orders"], found["fills"], found["pnl"]["net"]) == (0, 0, "0")


def test_other_fees_are_no_assumption_about_the_market() -> None:
    variant = only(whatif(played(SIZES), "venue.PAPER.taker_fee=0.002"))

    assert variant["fills_compared"] == {"kept": 0, "changed": 6, "dropped": 0, "assumed": 0}
    told = variant["difference"]
    # Bought for 2,300 and sold for 2,530: a tenth of a per cent more of both.
    assert (told["recorded_fills_only"], told["paper_matching"]) == ("0", "-4.83")
    assert (told["terms"], told["assumed"]["share"]) == ("-4.83", "0")


def test_what_a_disabled_rule_had_refused_is_allowed_and_its_fills_are_assumed() -> None:
    script = [
        *opening(limits(order_notional_max=500)),
        *minute(bar(100)),
        *alice("small", "buy", 1),
        *alice("big", "buy", 6),
        *minute(bar(100), bar(107)),
    ]

    variant = only(whatif(played(script), disable=["order_notional_max"]))

    assert rules(variant["allowed_newly"]) == [("big", "order_notional_max", "500", "600")]
    told = variant["difference"]
    assert (told["low"], told["high"]) == ("0", "42")
    assert told["assumed"] == {
        "fills": 1,
        "orders": 1,
        "notional": "600",
        "pnl": "42",
        "share": "1",
    }
    assert [row["became"] for row in variant["fills_changed"]] == ["assumed"]
    assert variant["fills_changed"][0]["recorded"] is None


def test_a_supposition_holds_through_every_later_change_and_says_which_it_overlaid() -> None:
    variant = only(whatif(session("limits_changed").log, "risk.order_notional_max=10000"))

    was = [fact["fields"]["order_notional_max"][0] for fact in variant["overlaid"]]
    assert was == ["500", "1000", "100"]
    assert [row["rule"] for row in variant["allowed_newly"]] == ["order_notional_max"]


DAYS: Script = [
    *opening(limits(order_notional_max=1_000)),
    *minute(bar(100)),
    *alice("first day", "buy", 4),
    *minute(bar(100), bar(110)),
    *later(24 * HOUR, bar(120)),
    *alice("second day", "buy", 8, strategy="other"),
    *minute(bar(120), bar(125)),
    *later(24 * HOUR, bar(90)),
    *alice("third day", "sell", 4),
    *minute(bar(90)),
]
SECOND = day_of(START + 24 * HOUR)


def test_a_day_begins_with_what_was_held_and_ends_with_its_last_message(tmp_path: Path) -> None:
    found = whatif(
        played(DAYS),
        "risk.max_notional=500",
        "risk.positions_max=9",
        day=SECOND,
        out=tmp_path / "o",
    )
    variant = only(found)

    assert found["day"] == SECOND
    assert found["baseline"]["equal"]
    assert rules(variant["refused_newly"]) == [("second day", "order_notional_max", "500", "960")]
    assert [fact["sequence"] for fact in variant["overlaid"]] == [0]
    # 4 held from 110 to 125, and 8 more from 120 on.
    assert [net(run) for run in (found["record"], variant)] == [Decimal(100), Decimal(60)]
    assert variant["difference"]["recorded_fills_only"] == "-40"
    last = list(Archive(Path(variant["folder"]) / "archive").messages(0))[-1][-1]
    assert last.sequence == variant["last_sequence"]


def test_a_supposition_on_a_supposed_day_takes_it_back(tmp_path: Path) -> None:
    log = played(DAYS)
    first = only(whatif(log, "risk.max_notional=500", day=SECOND, out=tmp_path / "first"))
    archive = Archive(Path(first["folder"]) / "archive")
    result = [stored for some in archive.messages(0) for stored in some]

    again = whatif(result, "risk.max_notional=1000", day=SECOND)

    assert again["baseline"]["equal"]
    assert rules(only(again)["allowed_newly"]) == [
        ("second day", "order_notional_max", "500", "960")
    ]
    assert net(only(again)) == net(whatif(log, day=SECOND)["record"])


def test_what_is_held_of_a_strategy_that_is_left_out_stays_and_is_told() -> None:
    variant = only(whatif(played(DAYS), day=SECOND, without=["ext"]))

    assert net(variant) == 100
    assert variant["notes"] == [
        "no fact or signal of the day speaks of this: nothing was changed",
        "what ext held when the day began stays held, with its stops: 4 BTCUSDT.PAPER",
    ]


def test_a_change_that_changes_nothing_makes_no_difference() -> None:
    found = whatif(played(SIZES), "risk.max_notional=1000")
    variant = only(found)

    assert variant["digest"] == found["record"]["digest"]
    assert variant["difference"]["high"] == variant["difference"]["low"] == "0"
    assert variant["fills_changed"] == []
    assert variant["notes"]


@pytest.mark.slow
def test_a_grid_side_by_side_is_the_grid_one_by_one(tmp_path: Path) -> None:
    log = played(SIZES)
    grid = ["risk.max_notional=350,500,700"]

    alone = whatif(log, grid=grid, out=tmp_path / "alone")
    together = whatif(log, grid=grid, out=tmp_path / "together", jobs=2)

    fills = [one["fills"] for one in alone["variants"]]
    assert fills == [2, 3, 5]
    for one, other in zip(alone["variants"], together["variants"], strict=True):
        assert {**one, "folder": ""} == {**other, "folder": ""}


def test_a_result_is_a_log_that_says_what_the_table_says(tmp_path: Path) -> None:
    variant = only(whatif(played(SIZES), "risk.max_notional=500", out=tmp_path / "out"))

    archive = Archive(Path(variant["folder"]) / "archive")
    log = [stored for some in archive.messages(0) for stored in some]
    again = audited(log)
    closing = again.finish()

    assert sum(one.net for one in closing.figures.values()) == net(variant)
    assert (again.differences, again.damages) == ([], [])
    assert again.digest() == variant["digest"]
    assert not any(manifest.signature for manifest in archive.manifests)
    assert whatif(log)["baseline"]["equal"]


def test_a_damaged_log_and_an_unknown_name_are_refused() -> None:
    log = played(SIZES)

    with pytest.raises(WhatIfError, match="no strategy 'nobody'; these are known: ext, other"):
        whatif(log, without=["nobody"])
    with pytest.raises(WhatIfError, match="strategy ext is a producer's"):
        whatif(log, "strategy.ext.fast=3")
    with pytest.raises(WhatIfError, match="no venue 'MOON'; these are known: PAPER"):
        whatif(log, "venue.MOON.taker_fee=0")
    with pytest.raises(WhatIfError, match="nothing of 1999-01-01; it goes from "):
        whatif(log, day="1999-01-01")
    with pytest.raises(WhatIfError, match="no day can be replayed"):
        whatif([])
    number = next(n for n, stored in enumerate(log) if f".{BOOK}.risk." in stored.subject)
    log[number] = Stored(number + 1, log[number].subject, b"{}")
    with pytest.raises(DamagedLogError, match=f"message {number + 1} is damaged"):
        whatif(log)


@pytest.mark.parametrize("notional", [500, 2_000])
def test_orders_of_another_size_are_borne_out_as_far_as_the_record_goes(notional: int) -> None:
    found = whatif(session("moving_average").log, f"strategy.cross.notional={notional}")
    variant = only(found)

    told = variant["difference"]
    recorded, paper = Decimal(told["recorded_fills_only"]), Decimal(told["paper_matching"])
    assert net(variant) - net(found["record"]) == paper
    assert variant["wishes"]["other"] > 0
    assert recorded + Decimal(told["assumed"]["pnl"]) + Decimal(told["terms"]) == paper
    if notional == 500:  # half of a losing day
        assert recorded > 0
        assert told["assumed"]["fills"] == 0
    else:
        assert recorded == 0
        assert told["assumed"]["fills"] == 4
        assert Decimal(told["assumed"]["pnl"]) == paper


def test_who_would_have_to_wait_is_a_bug() -> None:
    with pytest.raises(RuntimeError, match="nothing in memory can wait for 'somebody'"):
        finished(_waits())


async def _waits() -> None:
    await _somebody()


@coroutine
def _somebody() -> Generator[str, None, None]:
    yield "somebody"
