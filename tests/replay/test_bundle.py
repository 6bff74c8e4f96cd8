"""One decision in a file: the same bytes, whole or refused, without secrets, and the same again."""

import asyncio
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.governance import HaltAcknowledged, HaltRequested
from deadreckon.contracts.orders import OrderApproved, OrderFilled
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.replay.bundle import opening
from deadreckon.replay.bundle.file import BundleError, BundleManifest
from deadreckon.replay.bundle.opening import open_bundle
from deadreckon.replay.bundle.packing import BundleRequest, pack_from
from deadreckon.replay.bundle.slice import NoDecisionError
from deadreckon.replay.lookup import AmbiguousIdError, UnknownIdError
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.memory import MemoryBus, MemoryLog
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import DECIDERS
from tests.sessions.player import Session, decoded
from tests.sessions.script import Fact
from tests.sessions.scripts.halt_all import SCRIPT
from tests.sessions.test_sessions import NAMES, session

SEED = "SUAFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKE"


def facts(log: list[Stored]) -> list[Recorded[Any]]:
    return [published for message in decoded(log) for published in message.facts]


def first(log: list[Stored], shape: type[Any], source: str = "") -> Recorded[Any]:
    return next(
        published
        for published in facts(log)
        if isinstance(published.event, shape) and source in ("", published.source)
    )


def pack(log: list[Stored], wanted: str, to: Path, service: str = "") -> BundleManifest:
    credentials = to.parent / "data" / "nats" / "credentials"
    credentials.mkdir(parents=True, exist_ok=True)
    (credentials / "risk.nk").write_text(SEED + "\n")
    signal = BundleRequest(to.parent / "data", wanted, to, service)
    bus = MemoryBus(MemoryLog(list(log)))
    return asyncio.run(pack_from(bus, signal, lambda part, done, end: None))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_what_services_decided_in_a_session_comes_out_the_same(name: str, tmp_path: Path) -> None:
    log = session(name).log
    wanted: dict[tuple[str, str], str] = {}
    for published in facts(log):
        if published.source in DECIDERS:
            wanted.setdefault((published.source, type(published.event).__name__), published.id)
    for number, ((service, kind), fact_id) in enumerate(wanted.items()):
        path = tmp_path / f"{number}.bundle"
        manifest = pack(log, fact_id, path)
        assert manifest.decided is not None
        assert (manifest.service, manifest.decided.type) == (service, kind)
        opened = open_bundle(path)
        assert opened.divergence is None
        assert opened.warnings == []
        assert fact_id in [answer.id for answer in opened.current]


def test_orders_trades_and_signals_may_be_named_by_a_few_characters(tmp_path: Path) -> None:
    log = session("stop_loss").log
    order = first(log, OrderApproved).event.order_id
    assert pack(log, order[:8], tmp_path / "order").service == "risk"
    assert pack(log, first(log, OrderFilled).event.trade_id, tmp_path / "trade").service == "fill"
    raised = first(log, SignalRaised).event
    manifest = pack(log, f"{raised.producer}/{raised.signal_id}", tmp_path / "signal")
    assert (manifest.service, manifest.question.type) == ("signal", "SignalReceived")


def test_the_silence_of_a_service_is_a_decision_too(tmp_path: Path) -> None:
    log = session("stop_loss").log
    order = first(log, OrderApproved).id
    manifest = pack(log, order, tmp_path / "silence", "governance")
    assert (manifest.service, manifest.decided) == ("governance", None)
    opened = open_bundle(tmp_path / "silence")
    assert (opened.recorded, opened.current, opened.divergence) == ([], [], None)


def test_what_nobody_decided_is_refused(tmp_path: Path) -> None:
    log = session("stop_loss").log
    with pytest.raises(NoDecisionError, match="came from outside"):
        pack(log, "1.0", tmp_path / "row")
    with pytest.raises(UnknownIdError):
        pack(log, "ffffffffffff", tmp_path / "nothing")
    with pytest.raises((UnknownIdError, AmbiguousIdError)):
        pack(log, "f", tmp_path / "short")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_not_answered_yet_is_no_silence(tmp_path: Path) -> None:
    log = session("stop_loss").log
    signal = first(log, SignalRaised)
    answered = next(
        at for at, it in enumerate(decoded(log)) if it.facts and it.facts[0].source == "risk"
    )
    with pytest.raises(NoDecisionError, match="ends before risk has answered"):
        pack(log[:answered], signal.id, tmp_path / "early", "risk")


def test_the_same_decision_gives_the_same_bytes_and_no_file_is_overwritten(tmp_path: Path) -> None:
    log = session("stop_loss").log
    wanted = first(log, OrderApproved).id
    pack(log, wanted, tmp_path / "one")
    pack(log, wanted, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with pytest.raises(BundleError, match="exists already"):
        pack(log, wanted, tmp_path / "one")


def test_it_is_small_and_holds_what_a_reader_asks_for(tmp_path: Path) -> None:
    log = session("daily_loss").log
    path = tmp_path / "refusal"
    pack(log, first(log, SignalRefused, "risk").id, path)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        configuration = archive.read("configuration.json").decode()
        answers = archive.read("answers.json").decode()
    assert len([name for name in names if name.startswith("messages/")]) == 2
    assert '"LimitsSet"' in configuration
    assert '"SignalRefused"' in answers
    assert path.stat().st_size < 40_000


def test_another_decider_is_told_to_answer_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = session("daily_loss").log
    pack(log, first(log, SignalRefused, "risk").id, tmp_path / "refusal")
    ours: Any = decider("risk")

    def decide(state: Any, published: Recorded[Any]) -> list[Any]:
        return [structs.replace(each, reason="no") for each in ours.decide(state, published)]

    other = SimpleNamespace(
        initial=ours.initial, evolve=ours.evolve, decide=decide, HANDLES=ours.HANDLES
    )
    monkeypatch.setattr(opening, "decider", lambda name: other)
    monkeypatch.setattr(opening, "fold_code", lambda names: "other")
    opened = open_bundle(tmp_path / "refusal")
    assert opened.divergence is not None
    assert opened.divergence.differences[0].fields == ["reason"]
    assert "is not the one that packed" in opened.warnings[0]


def test_a_secret_that_somebody_wrote_into_the_log_does_not_leave_it(tmp_path: Path) -> None:
    """An operator put a seed into the reason of a halt, and risk acknowledges the halt."""
    halt = Fact("ann", HaltRequested("ann", f"key {SEED}"))
    played = Session("secret", [*SCRIPT[:12], halt, *SCRIPT[12:]])
    asyncio.run(played.play())
    path = tmp_path / "halt"
    manifest = pack(played.log, first(played.log, HaltAcknowledged, "risk").id, path)
    assert {each.secret for each in manifest.stripped} == {"nats/credentials/risk.nk"}
    assert SEED.encode() not in path.read_bytes()
    opened = open_bundle(path)
    assert opened.question.type == "HaltRequested"
    assert opened.question.id == manifest.question.id
    assert opened.divergence is None
    assert any("was stripped" in warning for warning in opened.warnings)


def test_a_damaged_bundle_is_refused_by_the_name_of_the_part(tmp_path: Path) -> None:
    log = session("stop_loss").log
    path = tmp_path / "whole"
    pack(log, first(log, OrderApproved).id, path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        places = {entry.filename: entry.header_offset for entry in archive.infolist()}
    for name, place in places.items():
        damaged = bytearray(content)
        damaged[place + 30 + len(name) + 3] ^= 1
        (tmp_path / "damaged").write_bytes(damaged)
        with pytest.raises(BundleError, match=name):
            open_bundle(tmp_path / "damaged")
    for length in (0, 10, len(content) // 2, len(content) - 1):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(BundleError, match="cut"):
            open_bundle(tmp_path / "cut")


def test_a_bundle_that_was_changed_and_zipped_anew_is_refused(tmp_path: Path) -> None:
    log = session("stop_loss").log
    path = tmp_path / "whole"
    pack(log, first(log, OrderApproved).id, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, content, wanted in (
        ("state.json", parts["state.json"] + b" ", "state.json is damaged"),
        ("manifest.json", parts["manifest.json"] + b" ", "manifest.json is damaged"),
        ("more.txt", b"more", "more.txt is not one of its parts"),
    ):
        with zipfile.ZipFile(tmp_path / "forged", "w") as archive:
            for part, kept in {**parts, name: content}.items():
                archive.writestr(part, kept)
        with pytest.raises(BundleError, match=wanted):
            open_bundle(tmp_path / "forged")


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"PK", b"{}", bytes(range(256)) * 40):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(BundleError):
            open_bundle(tmp_path / "file")
    with pytest.raises(BundleError, match="cannot be read"):
        open_bundle(tmp_path)
