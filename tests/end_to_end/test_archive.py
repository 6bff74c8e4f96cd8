"""The archive as its verbs make and prove it: killed at every step, and tampered with."""

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars
import pytest

from deadreckon.archive.signing import read_or_create_key
from deadreckon.runtime.process.killpoints import SEAL_STEPS, VARIABLE
from tests.conftest import PATIENCE, ROOT
from tests.end_to_end.conftest import Dr
from tests.support.forked_verbs import run_forked

KILLED = -9


@pytest.fixture(scope="module")
def played(undisturbed: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some days of a tape, and the key they will be sealed with."""
    folder = tmp_path_factory.mktemp("archive") / "desk"
    shutil.copytree(undisturbed[0], folder, symlinks=True)
    read_or_create_key(folder / "nats" / "credentials")
    return folder


@pytest.fixture
def dr(dr: Dr, played: Path) -> Dr:
    """The command line in a folder with a copy of that."""
    shutil.copytree(played, dr.folder / "desk")
    return dr


def sealed(folder: Path) -> dict[str, bytes]:
    """Every file of an archive."""
    root = folder / "archive"
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def killed_at(dr: Dr, step: str, nth: int) -> None:
    environment = dict(os.environ, PYTHONPATH=str(ROOT)) | {VARIABLE: f"{step}:{nth}"}
    done = run_forked(("archive", "seal", "--data", "desk"), dr.folder, environment, PATIENCE)
    assert done.returncode == KILLED, done.stderr


def test_killed_at_every_step_it_ends_with_the_same_bytes(dr: Dr, played: Path) -> None:
    shutil.copytree(played, dr.folder / "undisturbed")
    dr.run("archive", "seal", "--data", "undisturbed")

    for step in SEAL_STEPS:
        killed_at(dr, step, 2 if step == "archive-segment" else 1)
    ended = dr.json("archive", "seal", "--data", "desk")

    assert sealed(dr.folder / "desk") == sealed(dr.folder / "undisturbed")
    found = dr.json("archive", "verify", "--data", "desk")
    assert (found["sound"], found["unsaid"]) == (True, [])
    assert found["said"] == found["ranges"] == len(list_of(dr)["ranges"])
    assert found["last"] == found["compared"] == ended["last"]


def list_of(dr: Dr) -> dict[str, list[dict[str, int]]]:
    found: dict[str, list[dict[str, int]]] = dr.json("archive", "list", "--data", "desk")
    return found


def test_a_sealed_log_tells_what_it_told_before(dr: Dr, tape: Path) -> None:
    before = dr.json("replay", "audit", "--all", "--data", "desk")
    dr.run("archive", "seal", "--all", "--data", "desk")
    after = dr.json("replay", "audit", "--all", "--data", "desk")
    assert after["digest"] == before["digest"]
    figures = ("pnl", "by_strategy", "positions", "equity", "orders", "fills", "refusals_by_rule")
    assert [after[name] for name in figures] == [before[name] for name in figures]
    assert "sealed as range 1" in dr.run("replay", "narrate", "--all", "--data", "desk")
    again = dr.play("desk", tape)  # it knows that the tape was played, and its views catch up
    assert again["digest"] == before["digest"]
    dr.run("rebuild", "--data", "desk")
    dr.run("verify", "--data", "desk")
    dr.run("doctor", "--data", "desk")


def test_what_cannot_be_sealed_is_told_with_what_to_do(dr: Dr) -> None:
    assert "nothing is sealed" in dr.run("archive", "verify", "--data", "desk", code=1)
    day = dr.json("archive", "seal", "--data", "desk")["day"]
    assert "--all" in dr.run("archive", "seal", day, "--data", "desk", code=1)
    assert "is not a day" in dr.run("archive", "seal", "someday", "--data", "desk", code=2)
    dr.run("archive", "seal", day, "--all", "--data", "desk", code=2)
    assert "no data folder" in dr.run("archive", "seal", "--data", "nowhere", code=2)
    assert "not sealed" in dr.run("archive", "prove", "9999999", "--data", "desk", code=3)


def test_tampering_is_named_and_the_verb_fails(dr: Dr) -> None:
    dr.run("archive", "seal", "--data", "desk")
    path = next((dr.folder / "desk" / "archive" / "messages" / "book=desk").rglob("*.parquet"))
    rows = polars.read_parquet(path, hive_partitioning=False)
    here = polars.col("sequence") == rows["sequence"][3]
    later = polars.when(here).then(polars.col("stored_at") + 1).otherwise("stored_at")
    rows.with_columns(later.alias("stored_at")).write_parquet(path)

    found = json.loads(dr.run("archive", "verify", "--data", "desk", "--json", code=1))
    assert found["first_bad_sequence"] == rows["sequence"][3]
    record = dr.run("archive", "verify", "--data", "desk", code=1)
    assert "NOT SOUND" in record
    assert path.name in record
    dr.run("archive", "verify", "--data", "desk", "--alone", code=1)
    assert "is not the file that was sealed" in dr.run(
        "archive", "prove", str(rows["sequence"][3]), "--data", "desk", code=3
    )


def test_a_lost_archive_comes_back_from_the_log(dr: Dr) -> None:
    sealed_now = dr.json("archive", "seal", "--data", "desk")["sealed"]
    before = sealed(dr.folder / "desk")
    shutil.rmtree(dr.folder / "desk" / "archive")
    assert "--again" in dr.run("archive", "seal", "--data", "desk", code=3)
    again = dr.json("archive", "seal", "--again", "--data", "desk")
    assert again["restored"] == len(sealed_now)
    assert sealed(dr.folder / "desk") == before
    assert dr.json("archive", "verify", "--data", "desk")["sound"]


def test_a_message_is_proved_with_some_hashes(dr: Dr) -> None:
    dr.run("archive", "seal", "--data", "desk")
    told = dr.json("archive", "prove", "100", "--data", "desk")
    reached, index, size = bytes.fromhex(told["leaf"]), told["index"], told["size"]
    path = [bytes.fromhex(sibling) for sibling in told["path"]]
    last = size - 1
    for sibling in path:  # RFC 9162, section 2.1.3.2
        if index & 1 or index == last:
            reached = sha256(b"\1" + sibling + reached).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            reached = sha256(b"\1" + reached + sibling).digest()
        index, last = index >> 1, last >> 1
    assert reached.hex() == told["root"]
    path_of_manifest = f"desk/archive/manifests/{told['number']:08d}.json"
    manifest = json.loads((dr.folder / path_of_manifest).read_text())
    assert manifest["root"] == told["root"]
