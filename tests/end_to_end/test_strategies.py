"""A strategy from a file, as a user has it: in a demo, set by an operator, and with other code."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deadreckon.strategies.loading import load_file
from tests.conftest import PATIENCE, ROOT
from tests.end_to_end.conftest import INSTRUMENT, Dr

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("strategies")]

EXAMPLE = ROOT / "docs" / "examples" / "breakout.py"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dr]:
    """A demo with a strategy of somebody else, to its end."""
    dr = Dr(tmp_path_factory.mktemp("strategies"))
    (dr.folder / "mine.py").write_bytes(EXAMPLE.read_bytes())
    words = ("--seed", "7", "--bars", "700", "--instrument", INSTRUMENT)
    dr.run("tape", "synth", *words, "--output", "short.parquet")
    dr.run("demo", "--tape", "short.parquet", "--strategy", "mine.py", "--no-web", "--data", "run")
    yield dr
    dr.end()


def test_it_trades_in_a_demo_and_the_log_names_its_code(played: Dr) -> None:
    (kind,) = (it for it in played.json("strategy", "kinds", "mine.py"))
    configured = {it["strategy"]: it for it in played.json("strategy", "list", "--data", "run")}
    assert configured["breakout"]["code"] == kind["code"]
    assert configured["breakout"]["implementation"] == "mine.py:Breakout"
    assert len(configured["cross"]["code"]) == 64
    audited = played.json("replay", "audit", "--all", "--data", "run")
    assert "breakout" in [it["strategy"] for it in audited["by_strategy"]]


def test_its_log_reruns_and_is_refused_by_name_once_the_file_has_changed(played: Dr) -> None:
    words = ("replay", "rerun", "--all", "--service", "signal", "--data", "run")
    assert played.json(*words)["equal"]
    mine = played.folder / "mine.py"
    mine.write_bytes(EXAMPLE.read_bytes() + b"print('second thoughts')\n")
    refused = played.run(*words, code=3)
    assert "strategy breakout: breakout was configured with code" in refused
    assert played.json(*words, "--code", str(ROOT))["equal"]
    whatif = ("replay", "whatif", "--all", "--jobs", "1", "--data", "run")
    printed, line = played.run(*whatif, code=2).splitlines()
    assert printed == "second thoughts"
    assert line.startswith("dr: strategy breakout: breakout was configured with code")
    assert f"`dr replay rerun --code {ROOT}`" in line
    mine.write_bytes(EXAMPLE.read_bytes() + b"class Oops(:\n")
    assert "no strategy 'breakout' is registered here" in played.run(*words, code=3)
    (line,) = played.run(*whatif, code=2).splitlines()
    assert f"mine.py, line {len(EXAMPLE.read_bytes().splitlines()) + 1}: SyntaxError" in line
    mine.write_bytes(EXAMPLE.read_bytes())
    assert played.json(*words)["equal"]


def test_why_it_did_not_trade_is_asked_of_its_own_file(played: Dr) -> None:
    window = ("--instrument", INSTRUMENT, "--from", "2026-01-01T02:00", "--to", "2026-01-01T03:00")
    words = ("replay", "whynot", "--strategy", "breakout", *window, "--data", "run")
    outcomes = {it["outcome"] for it in played.json(*words)["groups"]}
    assert outcomes
    assert "other_code" not in outcomes


def test_a_demo_on_a_folder_that_was_played_with_other_code_says_so(played: Dr) -> None:
    mine = played.folder / "mine.py"
    words = ("demo", "--tape", "short.parquet", "--no-web", "--json", "--data", "run")

    def again() -> str:
        process = played.start(*words)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        return errors

    mine.write_bytes(EXAMPLE.read_bytes() + b"# second thoughts\n")
    (line,) = again().splitlines()
    recorded = {it["strategy"]: it for it in played.json("strategy", "list", "--data", "run")}
    was, now = recorded["breakout"]["code"], load_file(str(mine)).code
    assert line.startswith(
        f"dr: strategy breakout: breakout was configured with code {was[:12]}, and has code"
        f" {now[:12]} here; configure it again to trade by this code. "
    )
    assert "another --data folder plays the tape by the code that is here" in line
    mine.write_bytes(EXAMPLE.read_bytes())
    assert again() == ""


def test_an_operator_sets_one_from_a_file_and_its_parameters(played: Dr) -> None:
    mine: Path = played.folder / "mine.py"
    words = ("--actor", "ann", "--reason", "try it", "--data", "run")
    told = ("strategy", "set", "mine", "bars=5", "--kind", str(mine), "--instrument", INSTRUMENT)
    played.run(*told, "--notional", "100", *words)
    listed = {it["strategy"]: it for it in played.json("strategy", "list", "--data", "run")}
    assert (listed["mine"]["kind"], listed["mine"]["parameters"]) == ("breakout", {"bars": "5"})
    played.run("strategy", "set", "mine", "--no-enabled", *words)
    odd = ("strategy", "set", "odd", "--kind", "nowhere.py", "--instrument", INSTRUMENT)
    assert "nowhere.py" in played.run(*odd, "--notional", "100", *words, code=2)
