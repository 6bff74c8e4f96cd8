"""A stack that is started again begins where it stood, and the rest of its life is the same."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

from tests.conftest import PATIENCE
from tests.end_to_end.conftest import INSTRUMENT, Dr, until

PARTS = ("audit.sqlite", "audit", "lake", "analytics.duckdb", "metrics.json")  # the stored views


def logged(dr: Dr, event: str, data: str = "data") -> list[dict[str, object]]:
    """What a demo's own log said of one kind."""
    lines = (dr.folder / data / "logs" / "demo.log").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


def restored(dr: Dr) -> set[object]:
    return {line["service"] for line in logged(dr, "restored")}


def kept(dr: Dr, data: str = "data") -> list[Path]:
    return sorted((dr.folder / data / "snapshots").glob("*/*.snapshot"))


def test_a_demo_goes_on_from_snapshots_whatever_became_of_them(
    dr: Dr, tape: Path, undisturbed: tuple[Path, Any]
) -> None:
    dr.play("data", tape, "--for", "4")
    shelves = {path.parent.name for path in kept(dr)}
    assert {"desk.risk", "desk.fill", "desk.views"} <= shelves

    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web", "--json")
    process = dr.start(*words, "--data", "data")
    until(lambda: "views" in restored(dr), "views that are restored")
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    assert {f"desk.{name}" for name in restored(dr)} == shelves
    assert not logged(dr, "snapshot_refused")

    damaged = next(path for path in kept(dr) if path.parent.name == "desk.risk")
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    finished = dr.play("data", tape)
    (refusal,) = logged(dr, "snapshot_refused")
    assert refusal["snapshot"] == str(damaged.relative_to(dr.folder))
    assert finished["digest"] == undisturbed[1]["digest"]
    assert finished["pnl"] == undisturbed[1]["pnl"]
    assert "agree" in dr.run("verify", "--data", "data")


def test_a_log_that_was_cut_behind_its_snapshots_is_not_gone_on_with(dr: Dr, tape: Path) -> None:
    dr.play("data", tape, "--for", "3")
    store = dr.folder / "data" / "nats" / "store"
    shutil.copytree(store, dr.folder / "early")
    dr.play("data", tape, "--for", "5")
    shutil.rmtree(store)
    shutil.copytree(dr.folder / "early", store)
    for part in PARTS:  # they would say so first
        path = dr.folder / "data" / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    words = ("demo", "--tape", str(tape), "--instrument", INSTRUMENT, "--no-web", "--json")
    record = dr.run(*words, "--data", "data", code=3)
    assert "the log was cut; restore it from a copy" in record
