"""Strategies from files and from other distributions: found, run, and refused with other code."""

import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from deadreckon.contracts.governance import StrategyConfigured
from deadreckon.contracts.signals import SignalRaised, SignalRefused
from deadreckon.services.assembly import decider
from deadreckon.services.signal.decider import State
from deadreckon.strategies import loading
from deadreckon.strategies.builtin import ENTRY_POINTS
from deadreckon.strategies.code_hash import _distributions
from deadreckon.strategies.description import describe
from deadreckon.strategies.loading import StrategyLoadError, load_file, resolve, stamped
from deadreckon.strategies.registry import REGISTRY
from tests.stories import MINUTE, bar, filled, strategy
from tests.support.distributions import install
from tests.support.driver import SettlingDriver
from tests.support.verb_schemas import check_document

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "breakout.py"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No strategy but the built-in ones, before and after."""
    monkeypatch.delenv(loading.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    REGISTRY.clear()
    yield
    REGISTRY.clear()
    os.environ.pop(loading.VARIABLE, None)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "breakout.py"
    path.write_bytes(EXAMPLE.read_bytes())
    return path


def configured(kind: str | Path, **parameters: Any) -> StrategyConfigured:
    """A configuration as `dr strategy set` records it."""
    return stamped(strategy(str(kind), name="mine", cooldown_seconds=0, **parameters))


def driver() -> SettlingDriver:
    return SettlingDriver(decider("signal"), "signal")  # type: ignore[arg-type]


def sides(told: SettlingDriver, *prices: int) -> list[str]:
    answers = told.tell(*(bar(price) for price in prices), after=MINUTE)
    return [
        f"exit {it.side}" if it.reduce_only else it.side
        for it in answers
        if isinstance(it, SignalRaised)
    ]


# --- The built-in ones, and the example ---


def test_the_built_in_strategies_are_entry_points_like_any_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"][loading.GROUP] == ENTRY_POINTS


def test_a_strategy_takes_less_than_a_screen() -> None:
    lines = [line for line in EXAMPLE.read_text("utf-8").splitlines() if line.strip()]
    assert len(lines) < 25


def test_parameters_are_described_with_unit_default_and_bounds(mine: Path) -> None:
    found = describe(load_file(str(mine)))
    assert (found.kind, found.version, found.implementation) == (
        "breakout",
        "1",
        "breakout.py:Breakout",
    )
    bars = found.parameters[-1]
    assert (bars.name, bars.unit, bars.default) == ("bars", "bars", "20")
    assert bars.bounds == "at least 2, at most 1000"
    check_document("strategy-kinds", [found])


# --- From a file ---


def test_a_strategy_from_a_file_enters_and_leaves(mine: Path) -> None:
    told = driver()
    assert told.tell(configured(mine, bars=2)) == []
    assert sides(told, 100, 101, 102) == ["buy"]
    told.tell(filled("buy", 1, 102, strategy="mine"))
    assert sides(told, 90) == ["exit sell", "sell"]


def test_a_signal_names_the_strategy_and_the_figures_it_gave(mine: Path) -> None:
    told = driver()
    told.tell(configured(mine, bars=2))
    (signal,) = told.tell(bar(100), bar(101), bar("102.50"), after=MINUTE)
    assert isinstance(signal, SignalRaised)
    assert (signal.model_id, signal.features) == ("breakout/1", {"close": "102.5"})
    assert signal.confidence == 1


def test_parameters_beyond_their_bounds_are_refused_by_name(mine: Path) -> None:
    (refused,) = driver().tell(configured(mine, bars=1))
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, "bars" in refused.reason) == ("bad_parameter", True)


def test_a_snapshot_leads_to_the_same_signals(mine: Path) -> None:
    told = driver()
    told.tell(configured(mine, bars=2))
    sides(told, 100, 101)
    again = told.restarted(decider("signal"))  # type: ignore[arg-type]
    stored = msgspec.json.encode(told.state)
    again.runner.resume(msgspec.json.decode(stored, type=State))
    assert again.state == told.state
    assert sides(again, 102) == sides(told, 102) == ["buy"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("", "expected one strategy, found none"),
        ("import nowhere_to_be_found\n", "nowhere_to_be_found"),
        ("class Oops(:\n", "SyntaxError"),
        ("raise RuntimeError('too early')\n", "it raised RuntimeError: too early"),
        ("import sys\nsys.exit(5)\n", "it raised SystemExit: 5"),
        ("\nimport nowhere_to_be_found\n", "odd.py, line 2: it raised ModuleNotFoundError: No mod"),
        ("\n\nclass Oops(:\n", "odd.py, line 3: SyntaxError: invalid syntax"),
        (
            "class Own(Exception): ...\nraise Own('my\\nway')\n",
            "py, line 2: it raised Own: my way$",
        ),
        ("import sys\nsys.exit()\n", "odd.py, line 2: it raised SystemExit$"),
        ("from beside import level\n", "beside.py, line 2: it raised Strange: level"),
    ],
)
def test_a_file_that_holds_no_strategy_says_why(tmp_path: Path, change: str, reason: str) -> None:
    path = tmp_path / "odd.py"
    path.write_text(change, "utf-8")
    beside = "class Strange(Exception): ...\nraise Strange('level')\n"
    path.with_name("beside.py").write_text(beside, "utf-8")
    with pytest.raises(StrategyLoadError, match=reason) as refused:
        load_file(str(path))
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("word", ["initial", "__init__"])
def test_a_strategy_that_cannot_be_tried_says_where(mine: Path, word: str) -> None:
    source = mine.read_text("utf-8").replace(
        "def initial(self, parameters)", f"def {word}(self, *_)"
    )
    source = source.replace("        return BreakoutState()\n", "        raise KeyError('level')\n")
    mine.write_text(source, "utf-8")
    line = source.splitlines().index("        raise KeyError('level')") + 1
    with pytest.raises(StrategyLoadError, match=f"breakout.py, line {line}: it raised KeyError"):
        load_file(str(mine))


def test_a_class_that_is_not_in_the_file_is_named_with_those_that_are(mine: Path) -> None:
    with pytest.raises(StrategyLoadError) as refused:
        load_file(f"{mine}:Nope")
    wanted = f"{mine}:Nope: ValueError: has no class 'Nope'; strategies in it: Breakout"
    assert str(refused.value) == wanted


def test_an_unknown_name_lists_those_that_are_known() -> None:
    with pytest.raises(StrategyLoadError, match="known: moving_average_cross, hmm_regime"):
        resolve("grid")


# --- From another distribution ---


def test_an_installed_strategy_that_raises_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "[deadreckon.strategies]\nacme_odd = acme_odd:Odd\n"
    source = "class Own(Exception): ...\n\nraise Own('no')\n"
    install(tmp_path, "acme-odd", "3.0", {"acme_odd.py": source}, points)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(StrategyLoadError, match="line 3: it raised Own: no"):
        resolve("acme_odd")


def test_a_strategy_of_an_installed_distribution_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "[deadreckon.strategies]\nacme_breakout = acme_kit:Breakout\n"
    install(tmp_path, "acme-kit", "3.0", {"acme_kit.py": EXAMPLE.read_text("utf-8")}, points)
    monkeypatch.syspath_prepend(str(tmp_path))
    _distributions.cache_clear()
    found = configured("acme_breakout", bars=2)
    assert (found.kind, found.implementation) == ("acme_breakout", "acme_kit:Breakout")
    REGISTRY.clear()  # another process: the name in the log is all it has
    told = driver()
    assert told.tell(found) == []
    assert sides(told, 100, 101, 102) == ["buy"]
    _distributions.cache_clear()


# --- Other code ---


def test_code_that_is_not_the_one_of_the_log_is_refused_by_name(mine: Path) -> None:
    found = replace(configured(mine, bars=2), code="0" * 64)
    (refused,) = driver().tell(found)
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, refused.strategy) == ("other_strategy_code", "mine")
    assert "breakout was configured with code 000000000000" in refused.reason


def test_code_that_changed_under_a_strategy_stops_it_at_the_next_bar_once(mine: Path) -> None:
    told = driver()
    told.tell(configured(mine, bars=2))
    sides(told, 100, 101)
    REGISTRY.clear()
    mine.write_bytes(mine.read_bytes() + b"# second thoughts\n")
    REGISTRY.add(load_file(str(mine)))
    after = told.restarted(decider("signal"))  # type: ignore[arg-type]
    (refused, *more) = after.tell(bar(102), bar(103), bar(90), after=MINUTE)
    assert isinstance(refused, SignalRefused)
    assert (refused.rule, more) == ("other_strategy_code", [])
    after.tell(configured(mine, bars=2))
    assert sides(after, 100, 101, 102) == ["buy"]


def test_what_the_log_refused_stays_off_when_the_code_is_back(mine: Path) -> None:
    told = driver()
    found = configured(mine, bars=2)
    REGISTRY.clear()
    (refused,) = told.tell(found)
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "unknown_strategy_kind"
    REGISTRY.add(load_file(str(mine)))
    after = told.restarted(decider("signal"))  # type: ignore[arg-type]
    assert sides(after, 100, 101, 102) == []


def test_without_a_code_only_the_built_in_strategies_are_meant(mine: Path) -> None:
    told = driver()
    assert told.tell(strategy(fast=1, slow=2)) == []
    REGISTRY.add(load_file(str(mine)))
    (refused,) = told.tell(strategy("breakout", name="mine"))
    assert isinstance(refused, SignalRefused)
    assert refused.rule == "no_strategy_code"


def test_a_file_that_changed_runs_beside_the_one_it_was(mine: Path) -> None:
    old = load_file(str(mine))
    mine.write_text(mine.read_text("utf-8").replace('"1"', '"2"'), "utf-8")
    new = load_file(str(mine))
    assert (old.version, new.version) == ("1", "2")
    assert old.code != new.code


def test_a_neighbour_that_changed_since_it_was_imported_needs_a_new_process(mine: Path) -> None:
    neighbour = mine.with_name("neighbour_of_breakout.py")
    neighbour.write_text("LEVEL = 1\n", "utf-8")
    source = mine.read_text("utf-8").replace(
        "from decimal", "import neighbour_of_breakout\nfrom decimal", 1
    )
    mine.write_text(source, "utf-8")
    load_file(str(mine))
    neighbour.write_text("LEVEL = 2\n", "utf-8")
    with pytest.raises(StrategyLoadError, match="has changed since it was imported: restart"):
        load_file(str(mine))
    del sys.modules["neighbour_of_breakout"]


def test_a_fault_of_a_configuration_says_why_its_file_cannot_be_read_and_logs_nothing(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = configured(mine)
    loading.remember(tmp_path, load_file(str(mine)))
    loading.use_folder(tmp_path)
    REGISTRY.clear()
    mine.write_bytes(b"class Oops(:\n")
    fault = loading.code_fault(found)
    assert fault.startswith("strategy mine: no strategy 'breakout' is registered here; ")
    assert "breakout.py, line 1: SyntaxError: invalid syntax" in fault
    assert capsys.readouterr() == ("", "")


def test_a_list_that_cannot_be_read_is_no_end_of_a_decider(tmp_path: Path) -> None:
    (tmp_path / loading.LIST).write_text("{bad", "utf-8")
    loading.use_folder(tmp_path)
    loading.ensure("grid", "")
    with pytest.raises(StrategyLoadError, match="JSON is malformed"):
        list(loading.available("grid"))


def test_a_data_folder_remembers_its_files_for_every_process_that_uses_it(
    mine: Path, tmp_path: Path
) -> None:
    loading.remember(tmp_path, load_file(str(mine)))
    found = configured(mine, bars=2)
    REGISTRY.clear()
    loading.use_folder(tmp_path)
    told = driver()
    assert told.tell(found) == []
    assert sides(told, 100, 101, 102) == ["buy"]
