"""What --help shows: whole words at 80 columns, an example for each verb, panels by reader."""

import io
import re
import sys

import pytest
from rich.console import Console

from deadreckon.cli.app import AUDIENCES, VERBS, front_door
from tests.support.verb_names import verbs

FRAME = "╭╮╰╯│─\\"
OTHER_NAMES = {"drill takeover"}  # of verbs that have a newer one
GROUPS = sorted({name.partition(" ")[0] for name in verbs() if " " in name})


def shown(verb: str, width: int) -> str:
    """The page of a verb on a terminal of so many columns."""
    page, words = io.StringIO(), verb.split()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["dr", *words])
        for name in ("replay", "archive"):  # what they import depends on the words
            patched.delitem(sys.modules, f"deadreckon.cli.{name}", raising=False)
        console = Console(file=page, width=width)
        front_door(next(iter(words), "")).help_print(words, console=console)
    return page.getvalue()


def words_of(page: str) -> list[str]:
    return sorted({word.strip(FRAME) for word in page.split()} - {""})


@pytest.mark.parametrize("verb", ["", *GROUPS, *verbs()])
def test_no_word_is_cut_at_eighty_columns(verb: str) -> None:
    page = shown(verb, 80)
    assert max(map(len, page.splitlines())) <= 80
    assert words_of(page) == words_of(shown(verb, 500))


@pytest.mark.parametrize("verb", sorted(set(verbs()) - OTHER_NAMES))
def test_every_verb_has_an_example_that_can_be_pasted(verb: str) -> None:
    (example, *_) = re.findall(r"^Example:\n((?:  .*\n)+)", shown(verb, 80), re.MULTILINE)
    command = example.replace("\\\n", " ")
    assert f"dr {verb} " in command.rstrip() + " "
    assert command.count("\n") == 1


def test_every_verb_stands_in_one_panel() -> None:
    listed = [name for names in AUDIENCES.values() for name in names]
    assert sorted(listed) == sorted(VERBS)
    page = shown("", 80)
    assert [page.index(audience) for audience in AUDIENCES] == sorted(
        page.index(audience) for audience in AUDIENCES
    )


def test_code_and_options_keep_their_parts() -> None:
    assert "\n`dr flatten` closes positions.\n" in shown("cancel", 80)
    assert "\n    --effective 2026-11-20T12:00:00Z" in shown("cash fee", 80)


def test_a_switch_shows_what_turns_it_on_alone() -> None:
    assert "--no-json" not in shown("halt", 80)
    assert "[default: False]" not in shown("halt", 80)
    assert "--no-web" in shown("demo", 80)
