"""What DESIGN and STYLE say of the source in prose, held by a test.

A rule takes the source tree and returns its offences, all at once, each as
`file:line: what; what to do`. Every rule is itself tried on a small tree that breaks it, so that it
provably can fail.
"""

import re
import subprocess

import pytest

from tests.tidy import disk, extension, imports, names, purity, shapes, words
from tests.tidy.sources import ROOMS, ROOT, Rule, Sample, our_tree, tree_of

TOPICS = (imports, purity, shapes, names, words, extension, disk)
RULES = [rule for topic in TOPICS for rule in topic.RULES]
SAMPLES = [sample for topic in TOPICS for sample in topic.SAMPLES]

# What a newcomer finds at the top, and nothing else. The two that come later may be missing.
AT_THE_ROOT = {
    ".ci", ".editorconfig", ".gitignore", ".pre-commit-config.yaml", "CHANGELOG.md",
    "CONTRIBUTING.md", "LICENSE", "README.md", "deadreckon", "deploy", "docs", "dr", "justfile",
    "pyproject.toml", "requirements", "tests",
}  # fmt: skip
COMING = {"docker-compose.yml", "web"}


@pytest.mark.parametrize("rule", RULES)
def test_the_source_keeps_the_rule(rule: Rule) -> None:
    offences = rule(our_tree())
    if offences:
        pytest.fail("\n".join([f"{len(offences)} to put right:", *offences]), pytrace=False)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.rule.__name__)
def test_the_rule_names_every_offence_and_nothing_else(sample: Sample) -> None:
    offences = sample.rule(tree_of(sample.texts))
    assert {offence.split(": ")[0] for offence in offences} == sample.offences
    assert all(";" in offence for offence in offences), "an offence has to say what to do"


def test_every_rule_has_a_sample_that_breaks_it() -> None:
    assert {sample.rule for sample in SAMPLES if sample.offences} == set(RULES)


# --- The map -------------------------------------------------------------------------------------


def sentence_of(room: str) -> str:
    """First line of a room's `__init__`."""
    text = (ROOT / "deadreckon" / room / "__init__.py").read_text("utf-8")
    return text.partition("\n")[0].strip('"')


def map_in(page: str) -> dict[str, str]:
    """Rooms and their sentences, as a table of a page lists them: first and last column."""
    text = (ROOT / page).read_text("utf-8")
    return dict(re.findall(r"^\| `(\w+)/` \|.*\| ([^|]*) \|$", text, re.MULTILINE))


def test_the_package_has_these_rooms_and_no_other_folder() -> None:
    folders = {path.parent.name for path in (ROOT / "deadreckon").glob("*/__init__.py")}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_the_map_shows_every_room_with_its_own_sentence(page: str) -> None:
    shown = map_in(page)
    assert shown == {room: sentence_of(room) for room in ROOMS}
    assert list(shown) == list(ROOMS), "from the bottom to the top"


def test_the_root_holds_what_a_newcomer_expects() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()
    found = {path.partition("/")[0] for path in listed}
    assert found - COMING == AT_THE_ROOT


def test_the_list_of_decisions_has_every_page_in_order_under_its_heading() -> None:
    pages = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^\| \[(\d+)\]\((.*)\) \| (.*) \|$", (pages / "README.md").read_text(), re.M
    )
    found = []
    for page in sorted(pages.glob("0*.md")):
        number, _, heading = page.read_text("utf-8").partition("\n")[0].partition(": ")
        found.append((number.removeprefix("# "), page.name, heading[0].upper() + heading[1:]))
    assert listed == found


# --- Pins ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_pins_are_hashed_and_name_no_place_to_download_from(name: str) -> None:
    pins = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert "://" not in pins
    assert "--index" not in pins
    blocks = re.findall(r"^[\w.-]+==[^\n]*(?:\n    [^\n]*)*", pins, re.MULTILINE)
    assert len(blocks) == pins.count("==") - pins.count("'=='") - pins.count(" == ")
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_pin_of_the_runtime_is_the_same_for_developers() -> None:
    runtime, dev = (
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / "requirements" / name).read_text("utf-8"), re.M))
        for name in ("runtime.txt", "dev.txt")
    )
    assert runtime <= dev
