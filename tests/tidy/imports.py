"""Rules about which module may import which."""

import ast
import re
import sys
from collections.abc import Iterator

from tests.tidy.sources import Rule, Sample, Source, SourceTree, room_of, rooms_below

LAZY_IMPORT = re.compile(r"(deadreckon(?:\.\w+)+)(?::\w+)?")


def imports_point_one_way(tree: SourceTree) -> list[str]:
    return [
        source.at(line, f"{source.room or 'the root'} may not import {module}; move it down")
        for source in tree.values()
        for line, module in tree.imports(source)
        if (room := room_of(module)) is not None and room not in rooms_below(source.room)
    ]


def no_circle_of_imports(tree: SourceTree) -> list[str]:
    """Modules that need one another are one module, or hide a third that both should import."""
    graph = {
        source.name: {module: line for line, module in tree.imports(source) if module in tree}
        for source in tree.values()
    }
    offences = []
    for circle in _circles(graph):
        for name in circle:
            source = tree[name]
            offences += [
                source.at(line, f"imports {other}, which leads back here; break the circle")
                for other, line in graph[name].items()
                if other in circle
            ]
    return offences


def _circles(graph: dict[str, dict[str, int]]) -> list[set[str]]:
    """Groups of modules that reach one another (Tarjan), a module that imports itself included."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = set(stack[stack.index(name) :])
            del stack[stack.index(name) :]
            if len(group) > 1 or name in graph[name]:
                circles.append(group)

    for name in graph:
        if name not in index:
            visit(name)
    return circles


def contracts_are_pure_data(tree: SourceTree) -> list[str]:
    allowed = {"msgspec", "deadreckon"} | sys.stdlib_module_names
    return [
        source.at(line, f"contracts may not import {module}; only msgspec and the standard library")
        for source in tree.values()
        for line, module in tree.imports(source)
        if source.room == "contracts" and module.partition(".")[0] not in allowed
    ]


def only_the_runtime_imports_nats(tree: SourceTree) -> list[str]:
    return [
        source.at(line, "only deadreckon/runtime imports nats; use its bus")
        for source in tree.values()
        for line, module in tree.imports(source)
        if module.partition(".")[0] == "nats" and source.room != "runtime"
    ]


def every_file_is_used(tree: SourceTree) -> list[str]:
    """Every file is reached from `__main__`, by an import or by name ("module:function")."""
    reached: set[str] = set()
    ahead = ["deadreckon.__main__"]
    while ahead:
        name = ahead.pop()
        if name in tree and name not in reached:
            reached.add(name)
            ahead += [source.name for source in tree.packages_of(name)]
            ahead += [module for _, module in tree.imports(tree[name])]
            ahead += _named_in_strings(tree[name])
    return [
        source.at(1, "nothing that `dr` runs imports this file; use it or delete it")
        for source in tree.values()
        if source.name not in reached and not source.path.endswith("__init__.py")
    ]


def _named_in_strings(source: Source) -> Iterator[str]:
    for node in source.nodes:
        match node:
            case ast.Constant(value=str(text)) if named := LAZY_IMPORT.fullmatch(text):
                yield named[1]


RULES: list[Rule] = [
    imports_point_one_way,
    no_circle_of_imports,
    contracts_are_pure_data,
    only_the_runtime_imports_nats,
    every_file_is_used,
]

SAMPLES = [
    Sample(
        imports_point_one_way,
        {
            "deadreckon/contracts/orders.py": "import deadreckon\nimport deadreckon.runtime.log",
            "deadreckon/accounting/ledger.py": "from deadreckon.formatting import exact",
            "deadreckon/formatting/exact.py": "from deadreckon.accounting import ledger",
            "deadreckon/runtime/log.py": "from deadreckon.contracts import orders",
            "deadreckon/runtime/loop.py": "def run():\n    from ..services import risk",
            "deadreckon/services/__init__.py": "",
            "deadreckon/services/risk.py": "import msgspec\nimport deadreckon.projections.sqlite",
            "deadreckon/strategies/cross.py": "if TYPE_CHECKING:\n    from .. import services",
            "deadreckon/models/hmm.py": "from deadreckon.strategies import cross",
            "deadreckon/projections/sqlite.py": "from deadreckon.cli.app import main",
            "deadreckon/archive/sealer.py": "from deadreckon.replay import audit",
            "deadreckon/replay/audit.py": "from deadreckon.services import risk",
            "deadreckon/tools/bench.py": "from deadreckon.web import page",
            "deadreckon/web/page.py": "from deadreckon.tools import bench",
            "deadreckon/cli/app.py": "from deadreckon.replay import audit",
            "deadreckon/__main__.py": "from deadreckon.cli.app import main",
        },
        {
            "deadreckon/contracts/orders.py:1",
            "deadreckon/contracts/orders.py:2",
            "deadreckon/accounting/ledger.py:1",
            "deadreckon/runtime/loop.py:2",
            "deadreckon/services/risk.py:2",
            "deadreckon/strategies/cross.py:2",
            "deadreckon/models/hmm.py:1",
            "deadreckon/projections/sqlite.py:1",
            "deadreckon/archive/sealer.py:1",
            "deadreckon/web/page.py:1",
        },
    ),
    Sample(
        no_circle_of_imports,
        {
            "deadreckon/runtime/bus.py": "if TYPE_CHECKING:\n    from .health import Health",
            "deadreckon/runtime/health.py": "from deadreckon.runtime.bus import Bus",
            "deadreckon/runtime/feed.py": "from deadreckon.runtime import bus",
            "deadreckon/archive/log.py": "import deadreckon.archive.location",
            "deadreckon/archive/location.py": "def f():\n    from deadreckon.archive import part",
            "deadreckon/archive/part.py": "from . import log",
            "deadreckon/archive/__init__.py": "from deadreckon.archive.seal import seal",
            "deadreckon/archive/seal.py": "from deadreckon.runtime import feed",
        },
        {
            "deadreckon/runtime/bus.py:2",
            "deadreckon/runtime/health.py:1",
            "deadreckon/archive/log.py:1",
            "deadreckon/archive/location.py:2",
            "deadreckon/archive/part.py:1",
        },
    ),
    Sample(
        contracts_are_pure_data,
        {"deadreckon/contracts/orders.py": "import decimal, msgspec.json\nimport numpy"},
        {"deadreckon/contracts/orders.py:2"},
    ),
    Sample(
        only_the_runtime_imports_nats,
        {
            "deadreckon/runtime/bus.py": "import nats",
            "deadreckon/services/fill.py": "import math\nfrom nats.js import api",
        },
        {"deadreckon/services/fill.py:2"},
    ),
    Sample(
        every_file_is_used,
        {
            "deadreckon/__main__.py": "from deadreckon.cli.app import main",
            "deadreckon/cli/app.py": "LAZY = ['deadreckon.cli.up:up']",
            "deadreckon/cli/up.py": "from deadreckon import services",
            "deadreckon/services/__init__.py": "from deadreckon.services import risk",
            "deadreckon/services/risk.py": "",
            "deadreckon/services/attic.py": "import deadreckon.services.cellar",
            "deadreckon/services/cellar.py": "import deadreckon.services.attic",
        },
        {"deadreckon/services/attic.py:1", "deadreckon/services/cellar.py:1"},
    ),
]
