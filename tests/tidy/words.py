"""Rules about words: those that STYLE 3.6 avoids, and how a docstring begins."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.tidy.names import words_of
from tests.tidy.sources import Function, Rule, Sample, Source, SourceTree

# STYLE 3.6: words that only the author understands, or that mean several things at once.
AVOIDED = {
    "ailment", "annals", "crew", "deeds", "desk", "economy", "errand", "heard", "house", "keeper",
    "kinship", "leash", "lived", "paint", "place", "pulse", "reckon", "said", "silence", "sketch",
    "stage", "stake", "standing", "strangers", "told", "ward", "wish", "witness", "act",
}  # fmt: skip
# Ordinary English in a sentence, and no name for a thing.
AVOIDED_AS_NAMES_ONLY = {"act", "place", "stage", "standing"}

# Names that are promised outside, by file, so that a better word would break somebody.
PROMISED = {
    ("deadreckon/contracts/history.py", "place"): "a field of recorded events",
    ("deadreckon/contracts/venues.py", "strangers"): "a field of recorded events",
    ("deadreckon/contracts/views.py", "place"): "a field of recorded events",
    ("deadreckon/projections/tables/venue_reports.py", "place"): "a column",
    ("deadreckon/projections/tables/venue_reports.py", "strangers"): "a column",
}

RIDDLES = ("What", "Whether", "The same", "Who", "Whoever")


def words_to_avoid_are_avoided(tree: SourceTree) -> list[str]:
    return [
        source.at(line, f"{word!r} in {where}; STYLE 3.6 has the word for it")
        for source in tree.values()
        for line, where, word in [*_avoided_names(source), *_avoided_prose(source)]
    ]


def _avoided_names(source: Source) -> Iterator[tuple[int, str, str]]:
    for word in words_of("_".join(source.name.split(".")[1:])):
        if _singular(word) in AVOIDED:
            yield 1, "the file's name", word
    for line, name in _defined_names(source):
        if (source.path, name) not in PROMISED:
            for word in words_of(name):
                if _singular(word) in AVOIDED:
                    yield line, name, word


def _avoided_prose(source: Source) -> Iterator[tuple[int, str, str]]:
    for line, text in _docstrings(source):
        for word in re.findall(r"[a-z]+", re.sub(r"`[^`]*`", "", text).lower()):
            if _singular(word) in AVOIDED - AVOIDED_AS_NAMES_ONLY:
                yield line, "a docstring", word


@cache
def _singular(word: str) -> str:
    if word in AVOIDED:
        return word
    for ending in ("es", "s"):
        if word.endswith(ending) and word.removesuffix(ending) in AVOIDED:
            return word.removesuffix(ending)
    return word


def _defined_names(source: Source) -> Iterator[tuple[int, str]]:
    """Every name that a file gives to something: no name that it only uses."""
    for node in source.nodes:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield node.lineno, name
            case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                yield node.lineno, name


def _docstrings(source: Source) -> Iterator[tuple[int, str]]:
    for node in source.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | Function):
            text = ast.get_docstring(node)
            if text is not None:
                yield node.body[0].lineno, text


def docstrings_say_what_it_does(tree: SourceTree) -> list[str]:
    """Verb and object for a function, a noun phrase for a type: sense alone in a tooltip."""
    return [
        source.at(line, f"begins with {opening!r}; begin with a verb or a noun")
        for source in tree.values()
        for line, text in _docstrings(source)
        for opening in RIDDLES
        if re.match(rf"{opening}\b", text)
    ]


RULES: list[Rule] = [words_to_avoid_are_avoided, docstrings_say_what_it_does]

SAMPLES = [
    Sample(
        words_to_avoid_are_avoided,
        {
            "deadreckon/services/annals.py": "",
            "deadreckon/services/risk.py": "def weigh(leash, rest):\n"
            "    crew = leash\n"
            "    state.deeds = 1\n"
            "    for sketch in reward: ...\n"
            "class KinshipRules:\n"
            '    """The annals of a book, without `leash`; a reward."""\n'
            "match a:\n"
            "    case Crew(crew=ward): ...\n"
            "from a import b as pulses\n"
            "action = outstanding = thousand = crew.leash\n",
        },
        {"deadreckon/services/annals.py:1"}
        | {f"deadreckon/services/risk.py:{line}" for line in (1, 2, 3, 4, 5, 6, 8, 9)},
    ),
    Sample(
        docstrings_say_what_it_does,
        {
            "deadreckon/main.py": '"""What is allowed."""\n'
            "def check():\n"
            '    """Whether it passes."""\n'
            "class Limits:\n"
            '    """Whoever set them."""\n'
            "def whole():\n"
            '    """Whole orders whose size is known; what remains follows."""\n'
        },
        {f"deadreckon/main.py:{line}" for line in (1, 3, 5)},
    ),
]
