"""The gateway: what its pages say, and how it lives and ends beside the stack it speaks of."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from deadreckon import __version__
from deadreckon.cli.launch import DemoOptions, run_demo
from deadreckon.contracts.event import NANOSECONDS
from deadreckon.contracts.fields import HaltScope
from deadreckon.contracts.governance import HaltImposed
from deadreckon.contracts.venues import VenueConnectionChanged
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.node import readiness
from deadreckon.node.health import HealthCollector
from deadreckon.node.readiness import Readiness
from deadreckon.node.trading_conditions import BOOK, INSTRUMENT, STACK
from deadreckon.node.trading_status import trading, trading_of
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.projections.queries import TableQuery, read_table
from deadreckon.projections.runner import Views
from deadreckon.projections.store import open_projector, paths
from deadreckon.projections.trading_state import TradingView
from deadreckon.runtime.log.feed import Feed
from deadreckon.runtime.log.log_health import AWAY_AFTER, LogHealth
from deadreckon.runtime.log.memory import MemoryBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.process.loopback import PortBusyError
from deadreckon.web.gateway import Gateway
from deadreckon.web.pages import application
from tests.conftest import ROOT
from tests.stories import START, at, bar, limits, listed, reporting, venue
from tests.support.data_folder import folder_with_views
from tests.support.handmade_logs import accepted, busy_log, submitting

LOOPBACK = "http://127.0.0.1"


class Recalling:
    """A service as the gateway sees it."""

    name = "risk"
    position = 0

    def __init__(self, *, ready: bool) -> None:
        self.ready = ready


class Kept:
    """The stored views of a folder, without the lake, which no page reads."""

    def __init__(self, folder: Folder) -> None:
        self.projector = open_projector(paths(folder.root), ["audit", "metrics"])
        self.opened = True


def tradable(trading: TradingView | None = None) -> TradingView:
    """The trading state of a book in which one instrument may be traded."""
    trading = trading or TradingView()
    facts = (limits(), listed(), venue(), reporting(), bar(close=100))
    trading.fold(1, [at(fact) for fact in facts])
    return trading


@asynccontextmanager
async def living(folder: Folder, *services: Any) -> AsyncIterator[Readiness]:
    """The vitals of a stack that reads an empty log."""
    stored: Any = Kept(folder)
    feed = Feed(MemoryBus())
    views = Views(feed, "desk", "paper", None, [LiveViewFold()])
    await feed.start()
    views.sequence = 1
    tradable(views.trading)
    try:
        yield Readiness("desk", "paper", feed, views, stored, lambda: services)
    finally:
        await feed.stop()
        stored.projector.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    log = busy_log(seed=1, orders=60)
    log.say(submitting("still-open"), accepted("still-open"), source="fill")
    return folder_with_views(tmp_path_factory.mktemp("gateway") / "run", log)


@pytest.fixture
async def vitals(folder: Folder) -> AsyncIterator[Readiness]:
    async with living(folder) as found:
        yield found


@pytest.fixture
async def pages(folder: Folder, vitals: Readiness) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(application(folder, vitals))
    async with httpx2.AsyncClient(transport=transport, base_url=LOOPBACK) as client:
        yield client


@pytest.mark.parametrize("page", ["/portfolio", "/orders", "/fills"])
async def test_every_answer_has_a_sequence_an_age_and_a_digest(
    page: str, pages: httpx2.AsyncClient
) -> None:
    answer = await pages.get(page)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["sequence", "age_seconds", "digest", "data"]
    assert answer.json()["sequence"] > 100


async def test_fills_are_the_latest_first_and_as_many_as_asked_for(
    pages: httpx2.AsyncClient,
) -> None:
    rows = (await pages.get("/fills?limit=3")).json()["data"]

    assert len(rows) == 3
    assert rows[0]["sequence"] > rows[2]["sequence"]
    assert rows[0]["price"] == str(rows[0]["price"])


async def test_orders_may_be_asked_for_by_what_is_open_and_whose_they_are(
    pages: httpx2.AsyncClient,
) -> None:
    still_open = (await pages.get("/orders?open=true")).json()["data"]
    others = (await pages.get("/orders?strategy=nobody")).json()["data"]

    assert [row["order_id"] for row in still_open] == ["still-open"]
    assert others == []


async def test_a_portfolio_has_positions_equity_and_halts(pages: httpx2.AsyncClient) -> None:
    found = (await pages.get("/portfolio")).json()["data"]

    assert list(found) == ["positions", "equity", "halts"]
    assert found["positions"][0]["instrument"] == "BTCUSDT.PAPER"
    assert found["equity"]["cash_by_currency"].keys() == {"USDT"}


@pytest.mark.parametrize(
    ("page", "status", "reason"),
    [
        ("/fills?limit=0", 422, "limit: Input should be greater than or equal to 1"),
        ("/orders?open=perhaps", 422, "open: Input should be a valid boolean"),
        ("/nothing", 404, "/nothing: Not Found"),
    ],
)
async def test_a_wrong_question_is_answered_in_one_line(
    page: str, status: int, reason: str, pages: httpx2.AsyncClient
) -> None:
    answer = await pages.get(page)

    assert answer.status_code == status
    assert answer.json()["error"].startswith(reason)


async def test_a_long_path_is_not_repeated(pages: httpx2.AsyncClient) -> None:
    answer = await pages.get(f"/{'x' * 5_000}")

    assert answer.status_code == 404
    assert len(answer.content) < 200


async def test_nothing_can_be_changed_here(pages: httpx2.AsyncClient) -> None:
    assert (await pages.post("/orders")).status_code == 405


async def test_a_page_of_another_site_is_refused(pages: httpx2.AsyncClient) -> None:
    answer = await pages.get("/fills", headers={"host": "rebound.example"})

    assert answer.status_code == 400


async def test_a_folder_without_views_is_no_answer_yet(tmp_path: Path, vitals: Readiness) -> None:
    empty = Folder(tmp_path / "empty").create()
    transport = httpx2.ASGITransport(application(empty, vitals))
    async with httpx2.AsyncClient(transport=transport, base_url=LOOPBACK) as client:
        answer = await client.get("/fills")

    assert answer.status_code == 503
    assert "has no views yet" in answer.json()["error"]


async def test_metrics_of_the_log_stand_beside_those_of_the_process(
    pages: httpx2.AsyncClient,
) -> None:
    answer = await pages.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "python_info{" in answer.text
    assert 'signals_refused_total{book="desk",rule="max_notional"}' in answer.text


async def test_the_version_says_what_runs(pages: httpx2.AsyncClient) -> None:
    found = (await pages.get("/version")).json()

    assert (found["version"], found["book"], found["mode"]) == (__version__, "desk", "paper")


def holding(trading: Any) -> list[str]:
    """The conditions that hold, nothing being traded."""
    assert (trading["allowed"], trading["exits_allowed"]) == (False, False)
    return [it["condition"] for it in trading["conditions"]]


async def test_a_service_that_still_recalls_is_named(folder: Folder) -> None:
    async with living(folder, Recalling(ready=False)) as vitals:
        assert vitals.fault() == ""
        assert vitals.unready() == "recalling the log: risk"
        assert [it.condition for it in trading_of(vitals).conditions] == ["recovering"]
    async with living(folder, Recalling(ready=True)) as vitals:
        assert vitals.unready() == ""
        assert trading_of(vitals).allowed


async def test_views_too_far_behind_are_not_ready(vitals: Readiness) -> None:
    vitals.feed.last = vitals.views.sequence + readiness.LAG_MAX
    assert vitals.unready() == ""

    vitals.feed.last += 1
    assert vitals.unready() == f"the views are {readiness.LAG_MAX + 1} messages behind the log"
    assert [it.condition for it in trading_of(vitals).conditions] == ["views_behind"]


async def test_a_stack_that_no_longer_reads_is_not_well(
    pages: httpx2.AsyncClient, vitals: Readiness
) -> None:
    assert (await pages.get("/healthz")).json() == {"ok": True}
    assert (await pages.get("/readyz")).status_code == 200
    assert (await pages.get("/readyz")).json()["trading"]["allowed"] is True

    await vitals.feed.stop()

    for page in ("/healthz", "/readyz"):
        answer = await pages.get(page)
        assert answer.status_code == 503
        found = answer.json()
        trading = found.pop("trading", None)
        assert found == {"ok": False, "reason": "the log is not being read"}
        assert page == "/healthz" or holding(trading) == ["log_unread"]
    health = (await pages.get("/health")).json()
    assert (health["trouble"], holding(health["trading"])) == (health["reason"], ["log_unread"])


async def test_while_the_log_takes_nothing_everybody_is_told_and_nothing_is_to_be_restarted(
    pages: httpx2.AsyncClient, vitals: Readiness
) -> None:
    assert (await pages.get("/health")).json()["ok"] is True
    assert "deadreckon_log_available 1.0" in (await pages.get("/metrics")).text
    now = 100.0
    log_health = vitals.feed.bus.log_health = LogHealth(lambda: now)
    log_health.acknowledge(7)

    with log_health.write():
        now += AWAY_AFTER + 1
        answers = {page: await pages.get(page) for page in ("/health", "/readyz", "/healthz")}
        figures = (await pages.get("/metrics")).text

    assert {page: it.status_code for page, it in answers.items()} == {
        "/health": 503,
        "/readyz": 503,
        "/healthz": 200,
    }
    reason = "the log has taken nothing for 3.0 seconds: no answer yet"
    assert answers["/health"].json()["reason"] == reason
    assert answers["/health"].json()["log"]["available"] is False
    ready = answers["/readyz"].json()
    assert holding(ready.pop("trading")) == ["log_away"]
    assert ready == {"ok": False, "reason": reason}
    assert holding(answers["/health"].json()["trading"]) == ["log_away"]
    assert "deadreckon_log_available 0.0" in figures
    assert "deadreckon_log_acknowledged_seconds 3.0" in figures


async def test_a_service_far_behind_the_log_is_named(folder: Folder) -> None:
    async with living(folder, Recalling(ready=True)) as vitals:
        vitals.feed.bus.log_health.acknowledge(readiness.BEHIND_MAX)
        assert vitals.trouble() == ""
        vitals.feed.bus.log_health.acknowledge(readiness.BEHIND_MAX + 1)
        assert vitals.trouble() == "behind the log: risk by 1,001 messages"
        assert [it.condition for it in trading_of(vitals).conditions] == ["behind"]
        metrics = CollectorRegistry()
        metrics.register(HealthCollector(vitals))
        behind = metrics.get_sample_value("deadreckon_service_behind", {"service": "risk"})
        assert behind == readiness.BEHIND_MAX + 1


def test_a_venue_out_of_reach_keeps_its_instruments_from_being_traded() -> None:
    view = tradable()
    view.fold(2, [at(VenueConnectionChanged("PAPER", False, "reset by peer"))])
    found = trading(view.state, [])
    assert [(it.condition, it.instrument) for it in found.conditions] == [
        ("venue_away", "BTCUSDT.PAPER")
    ]
    assert found.reason.endswith("the venue PAPER cannot be reached: reset by peer")
    view.fold(3, [at(VenueConnectionChanged("PAPER", True, "connected"))])
    assert trading(view.state, []).allowed


def test_one_instrument_that_may_be_traded_is_enough() -> None:
    view = tradable()
    view.fold(2, [at(listed("ETHUSDT.PAPER", base="ETH"))])
    found = trading(view.state, [])
    assert (found.allowed, found.reason, found.instruments) == (True, "", ["BTCUSDT.PAPER"])
    assert [it.instrument for it in found.conditions] == ["ETHUSDT.PAPER"]


def test_a_halt_by_a_rule_is_told_with_its_figures_until_it_lifts() -> None:
    view = tradable()
    until = START + 60 * NANOSECONDS
    view.fold(2, [at(imposed("drawdown_max", "close_only", until))])
    (found,) = trading(view.state, []).conditions
    assert (found.condition, found.stops) == ("halted", "entries")
    assert "limit 0.1, measured 0.12" in found.reason
    restored = TradingView()
    restored.restore(view.written())
    assert trading(restored.state, []) == trading(view.state, [])
    view.fold(3, [at(bar(close=100), until)])
    assert trading(view.state, []).allowed


def imposed(rule: str, scope: HaltScope, until: int) -> HaltImposed:
    limit, measured = Decimal("0.1"), Decimal("0.12")
    return HaltImposed(scope, rule, limit, measured, "limits", "it fell too far", until)


def test_the_runbook_names_every_condition_in_its_order() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    section = text.partition("\n## Why nothing is traded\n")[2].partition("\n## ")[0]
    table = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    known = [it.name for it in (*STACK, *BOOK, *INSTRUMENT)]
    assert table == ["not_running", *dict.fromkeys(known)]


async def test_a_free_port_is_found_and_said_in_the_folder(
    folder: Folder, vitals: Readiness
) -> None:
    record = folder.root / "gateway.url"

    async with Gateway(folder, vitals, 0) as gateway:
        assert record.read_text() == f"http://127.0.0.1:{gateway.port}\n"
        async with httpx2.AsyncClient() as client:
            assert (await client.get(f"{gateway.url}/healthz")).status_code == 200

    assert not record.exists()


async def test_a_busy_port_is_told_with_what_to_do(folder: Folder, vitals: Readiness) -> None:
    async with Gateway(folder, vitals, 0) as first:
        with pytest.raises(PortBusyError, match=f"port {first.port} is in use: .*--web-port"):
            Gateway(folder, vitals, first.port)
    with pytest.raises(PortBusyError, match="port 70000 cannot be taken"):
        Gateway(folder, vitals, 70_000)


async def test_it_ends_though_somebody_is_still_connected(
    folder: Folder, vitals: Readiness
) -> None:
    async with httpx2.AsyncClient() as client:
        async with Gateway(folder, vitals, 0) as gateway:
            await client.get(f"{gateway.url}/healthz")
        with pytest.raises(httpx2.TransportError):
            await client.get(f"{gateway.url}/healthz")


async def test_signals_are_left_to_the_stack(folder: Folder, vitals: Readiness) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async with Gateway(folder, vitals, 0):
        during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert during == before


@pytest.mark.slow
async def test_it_answers_while_a_tape_plays_and_agrees_with_the_statement(tmp_path: Path) -> None:
    tape = tmp_path / "tape.parquet"
    synthesise(Recipe(seed=7, bars=800), "BTCUSDT.PAPER", tape)
    data = tmp_path / "run"
    trade_signal = DemoOptions(
        data=data,
        tape=tape,
        instrument=None,
        volume_unit=None,
        speed=60 * 400,
        seconds=120,
        processes=False,
        memory=False,
        nats=None,
        web_port=0,
        quiet=True,
    )
    playing = asyncio.create_task(run_demo(trade_signal))
    record = data / "gateway.url"
    while not record.exists():
        assert not playing.done(), playing.result()
        await asyncio.sleep(0.01)

    async with httpx2.AsyncClient(base_url=record.read_text().strip()) as client:
        # From outside there is nothing to wait for but the answer itself.
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        places = [(await client.get("/fills")).json()["sequence"] for _ in range(20)]
        metrics = (await client.get("/metrics")).text
    document = await playing

    assert places == sorted(places)
    assert 'log_events_total{type="market.bar_closed"}' in metrics
    assert not record.exists()
    after = read_table(Folder(data), "fills", TableQuery(None))
    assert (after.sequence, len(after.data)) == (document.last_sequence, document.fills)
