"""Rules that keep strategies and venues open: no code outside them knows one of them by name."""

import ast
from collections.abc import Iterator

from tests.tidy.sources import Rule, Sample, Source, SourceTree

BUILT_IN = "deadreckon.strategies.builtin"
STRATEGIES = "deadreckon.strategies"
KINDS = ("moving_average_cross", "hmm_regime")
SIMULATED = "deadreckon.venues.simulated"
EDGE_NAME = "venue-sim"


def no_strategy_is_known_by_its_class(tree: SourceTree) -> list[str]:
    """A strategy from elsewhere has to be as good as a built-in one, so nobody asks which it is."""
    offences = []
    for source in tree.values():
        theirs = {
            alias.asname or alias.name
            for node in source.nodes
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(BUILT_IN)
            if not source.name.startswith(node.module or "")
            for alias in node.names
        }
        offences += [
            source.at(line, f"asks whether it is a {name}; put that into the Strategy protocol")
            for line, name in _classes_asked_for(source)
            if name in theirs
        ]
    return offences


def _classes_asked_for(source: Source) -> Iterator[tuple[int, str]]:
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
                names = [each.id for each in ast.walk(kinds) if isinstance(each, ast.Name)]
                yield from ((node.lineno, name) for name in names)
            case ast.MatchClass(cls=ast.Name(id=name)):
                yield node.cls.lineno, name


def no_strategy_is_known_by_its_kind(tree: SourceTree) -> list[str]:
    """A kind is a word of configurations: `kind=` of one may name it, and nobody compares it."""
    return [
        source.at(node.lineno, f"names {node.value}; put what differs into the Strategy protocol")
        for source in tree.values()
        if not source.name.startswith(STRATEGIES)
        for node in source.nodes
        if isinstance(node, ast.Constant) and node.value in KINDS
        if not any(
            isinstance(each, ast.keyword) and each.value is node and each.arg == "kind"
            for each in source.nodes
        )
    ]


def no_venue_is_known_by_its_name(tree: SourceTree) -> list[str]:
    return [
        source.at(node.lineno, f"names {EDGE_NAME}; ask for the pattern `venue-*`, or be told it")
        for source in tree.values()
        if not source.name.startswith(SIMULATED)
        for node in source.nodes
        if isinstance(node, ast.Constant) and EDGE_NAME in str(node.value)
        if not _is_prose(source, node)
    ]


def _is_prose(source: Source, constant: ast.Constant) -> bool:
    """True for a docstring: an example may name what everybody has."""
    return any(isinstance(node, ast.Expr) and node.value is constant for node in source.nodes)


RULES: list[Rule] = [
    no_strategy_is_known_by_its_class,
    no_strategy_is_known_by_its_kind,
    no_venue_is_known_by_its_name,
]

SAMPLES = [
    Sample(
        no_strategy_is_known_by_its_class,
        {
            "deadreckon/strategies/builtin/cross.py": "class Cross: ...\nisinstance(a, Cross)",
            "deadreckon/services/signal.py": "from deadreckon.strategies.builtin import Cross\n"
            "isinstance(a, Cross)\n"
            "isinstance(a, int | Cross)\n"
            "isinstance(a, (str, Other))\n"
            "match a:\n"
            "    case Cross(b=1): ...\n"
            "    case Other(): ...\n",
        },
        {f"deadreckon/services/signal.py:{line}" for line in (2, 3, 6)},
    ),
    Sample(
        no_strategy_is_known_by_its_kind,
        {
            "deadreckon/strategies/registry.py": "known = {'hmm_regime': 1}",
            "deadreckon/services/trainer.py": "configured(kind='hmm_regime')\n"
            "is_it = configured.kind == 'hmm_regime'\n"
            "match kind:\n"
            "    case 'moving_average_cross': ...\n"
            "'such as hmm_regime'\n",
        },
        {f"deadreckon/services/trainer.py:{line}" for line in (2, 4)},
    ),
    Sample(
        no_venue_is_known_by_its_name,
        {
            "deadreckon/venues/simulated/adapter.py": "NAME = 'venue-sim'",
            "deadreckon/node/up.py": "NAME = 'venue-sim'\nfile = f'venue-sim.{kind}'\n"
            "def up():\n    'Like venue-sim.'\n    return 'venue-x'",
        },
        {"deadreckon/node/up.py:1", "deadreckon/node/up.py:2"},
    ),
]
