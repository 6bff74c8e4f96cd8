"""`dr replay asof` as an operator uses it: every kind of place, and a fee that came late."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from deadreckon.archive.open_log import open_bus
from deadreckon.replay.asof import anchor_job
from deadreckon.runtime.process.folder import Folder
from tests.end_to_end.conftest import Dr
from tests.support.verb_schemas import check_document

WHO = ("--actor", "ann", "--reason", "invoice 17")


@pytest.fixture(scope="module")
def ended(demo_of_days: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo of some days that has ended, and a fee that became known after it."""
    folder = tmp_path_factory.mktemp("asof")
    shutil.copytree(demo_of_days, folder, dirs_exist_ok=True, symlinks=True)
    Dr(folder).run("rebuild", "--data", "desk")  # views name the folder they were made in
    return folder


@pytest.fixture
def ended_run(ended: Path, dr: Dr) -> Dr:
    dr.folder = ended
    return dr


def asof(dr: Dr, place: str, *more: str) -> Any:
    return dr.json("replay", "asof", place, "--data", "desk", *more)


def test_a_sequence_a_time_and_an_id_lead_to_the_same_book(ended_run: Dr) -> None:
    by_sequence = asof(ended_run, "900")
    by_time = asof(ended_run, by_sequence["at"])
    assert by_time["at"] == by_sequence["at"]
    assert by_time["sequence"] >= 900
    limits = by_sequence["then"]["limits"]["set_by"]
    by_id = asof(ended_run, limits["id"][:12], "--known", "then")
    assert (by_id["sequence"], by_id["index"]) == (limits["sequence"], limits["index"])
    assert by_id["now"] is None
    assert limits["actor"] == "demo"
    assert by_id["then"]["limits"]["set_by"]["id"] == limits["id"]


def test_the_end_of_the_log_is_what_the_audit_says(ended_run: Dr) -> None:
    audit = ended_run.json("replay", "audit", "--all", "--data", "desk")
    found = asof(ended_run, str(audit["last_sequence"]))
    for name, amount in audit["pnl"].items():
        assert found["then"]["equity"][name] == amount


def test_a_late_fee_is_shown_at_its_own_time_beside_what_was_known(ended_run: Dr) -> None:
    due = asof(ended_run, "900")["at"]
    before = asof(ended_run, due)
    charged = ended_run.json(
        "cash", "fee", "USDT", "3.75", "--strategy", "cross", "--instrument", "BTCUSDT.PAPER",
        "--effective", due, *WHO, "--data", "desk",
    )  # fmt: skip

    found = asof(ended_run, due)

    assert found["then"] == before["then"]
    differences = {it["path"]: it["difference"] for it in found["differences"]}
    assert differences["equity.equity"] == "-3.75"
    (late,) = found["late"]
    assert (late["sequence"], late["effective_at"]) == (charged["sequence"], due)
    assert "invoice 17" in late["says"]
    now = asof(ended_run, due, "--known", "now")
    assert (now["then"], now["now"]) == (None, found["now"])
    assert "known since" in ended_run.run("replay", "asof", due, "--data", "desk")


@pytest.mark.parametrize(
    "place", ["0", "99999999", "1999-01-01T00:00:00Z", "2026-01-01", "abcdef123456", "5.77"]
)
def test_a_place_that_is_none_is_one_line_and_wrong_usage(place: str, ended_run: Dr) -> None:
    record = ended_run.run("replay", "asof", place, "--data", "desk", code=2)
    assert record.startswith("dr: ")
    assert record.count("\n") == 1


def test_a_stack_keeps_the_anchors_near_the_end_of_its_log(
    ended_run: Dr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchor_job, "GROWTH_MESSAGES", 100)
    data = ended_run.folder / "desk"
    shutil.rmtree(data / "asof", ignore_errors=True)

    async def looks() -> tuple[int, int]:
        async with open_bus(Folder(data).check()) as bus:
            keeping = anchor_job.AnchorJob(data, None, bus)
            await keeping.look()
            return keeping.sequence, (await bus.info()).last

    place, last = asyncio.run(looks())
    index = json.loads((data / "asof" / "desk" / "index.json").read_text())
    assert place == last == index["tip"]["sequence"]


def test_it_writes_nothing_to_the_log(ended_run: Dr) -> None:
    before = asof(ended_run, "10")["last_sequence"]
    assert asof(ended_run, "10")["last_sequence"] == before
    ended_run.run("rebuild", "--data", "desk")  # facts came while no stack ran to read them
    found = json.loads(ended_run.run("verify", "--data", "desk", "--json"))
    assert found["agree"]
    check_document("verify", found)


def test_a_folder_that_is_none_is_wrong_usage(dr: Dr) -> None:
    record = dr.run("replay", "asof", "1", "--data", "nowhere", code=2)
    assert "nowhere is no data folder yet" in record


def test_a_funding_of_its_own_time_can_be_told_and_a_time_that_is_none_not(ended_run: Dr) -> None:
    rate = ("cash", "funding", "BTCUSDT.PAPER", "-0.0001", "50000", "--data", "desk")
    record = ended_run.run(*rate, "--effective", "yesterday", code=2)
    assert "is not an RFC 3339 time" in record
    told = ended_run.json(*rate, "--effective", "2026-01-01T12:00:00Z")
    assert asof(ended_run, str(told["sequence"]), "--known", "then")["sequence"] == told["sequence"]
    # A spot is paid no funding: it is late all the same, and moves nothing.
    found = asof(ended_run, "2026-01-01T12:00:00Z")
    assert "funding at -0.0001: nobody held any" in [it["says"] for it in found["late"]][-1]
    assert found["then"]["equity"]["funding"] == found["now"]["equity"]["funding"] == "0"
