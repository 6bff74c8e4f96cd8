"""Rules about the shape of code: sizes, exception handlers, events, numbers, paths."""

import ast
import re

from tests.tidy.sources import Function, Rule, Sample, SourceTree

FUNCTION_LINES_MAX = 40  # fits on a screen

PRIVATE_PATH = re.compile(r"/(?:home|Users)/\w|/(?:root)/|[A-Z]:\\+Users\\")


def functions_fit_on_a_screen(tree: SourceTree) -> list[str]:
    return [
        source.at(node.lineno, f"{lines} lines, {FUNCTION_LINES_MAX} at most; split {node.name}")
        for source in tree.values()
        for node in source.nodes
        if isinstance(node, Function) and (lines := _lines(node)) > FUNCTION_LINES_MAX
    ]


def _lines(function: Function) -> int:
    lines = _last_line(function) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= _last_line(function.body[0]) - function.body[0].lineno + 1
    return lines


def _last_line(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def no_handler_catches_everything(tree: SourceTree) -> list[str]:
    return [
        source.at(node.lineno, "catches everything; name the fault, and let a bug end the process")
        for source in tree.values()
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler | ast.Call) and _catches_everything(node)
    ]


def _catches_everything(node: ast.ExceptHandler | ast.Call) -> bool:
    match node:
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.expr() as caught):
            return any(map(_is_everything, ast.walk(caught)))
        case ast.Call(func=function, args=faults) if ast.unparse(function).endswith("suppress"):
            return any(map(_is_everything, faults))
    return False


def _is_everything(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}


def events_are_frozen(tree: SourceTree) -> list[str]:
    classes = [
        (source, node)
        for source in tree.values()
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
    ]
    events = {"Event", "Retired"}
    while more := {node.name for _, node in classes if _base_names(node) & events} - events:
        events |= more
    return [
        source.at(node.lineno, f"{node.name} is a fact and never changes; add frozen=True")
        for source, node in classes
        if node.name in events
        and not any(ast.unparse(keyword) == "frozen=True" for keyword in node.keywords)
    ]


def _base_names(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}


def contracts_hold_no_float(tree: SourceTree) -> list[str]:
    return [
        source.at(annotation.lineno, "float in a contract; money is Decimal, time is int")
        for source in tree.values()
        if source.room == "contracts"
        for node in source.nodes
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None))
        if isinstance(annotation, ast.expr) and re.search(r"\bfloat\b", ast.unparse(annotation))
    ]


def no_path_is_private(tree: SourceTree) -> list[str]:
    return [
        source.at(number, f"{match[0]}... exists on one machine alone; take it from the settings")
        for source in tree.values()
        for number, line in enumerate(source.text.splitlines(), start=1)
        if (match := PRIVATE_PATH.search(line))
    ]


RULES: list[Rule] = [
    functions_fit_on_a_screen,
    no_handler_catches_everything,
    events_are_frozen,
    contracts_hold_no_float,
    no_path_is_private,
]

SAMPLES = [
    Sample(
        functions_fit_on_a_screen,
        {
            "deadreckon/runtime/loop.py": "async def long():\n" + "    0\n" * 40,
            "deadreckon/runtime/bus.py": 'def fits():\n    """Two\n    lines."""\n'
            + "    0\n" * 39,
        },
        {"deadreckon/runtime/loop.py:1"},
    ),
    Sample(
        no_handler_catches_everything,
        {
            "deadreckon/runtime/loop.py": "try: ...\nexcept (OSError, Exception): ...\n"
            "try: ...\nexcept: ...\n"
            "try: ...\nexcept BaseException: raise\n"
            "try: ...\nexcept OSError: ...\n"
            "with contextlib.suppress(Exception): ...\n"
        },
        {f"deadreckon/runtime/loop.py:{line}" for line in (2, 4, 6, 9)},
    ),
    Sample(
        events_are_frozen,
        {
            "deadreckon/contracts/orders.py": "class OrderFilled(Event, frozen=True): ...\n"
            "class OrderLost(event.Event): ...\n"
            "class OrderLostAgain(OrderLost, frozen=False): ...\n"
            "class State(Struct): ...\n"
        },
        {"deadreckon/contracts/orders.py:2", "deadreckon/contracts/orders.py:3"},
    ),
    Sample(
        contracts_hold_no_float,
        {
            "deadreckon/contracts/orders.py": "class OrderFilled(Event):\n"
            "    price: 'float | None'\n"
            "    inflated: Decimal\n"
            "def cost(fills: list[float]) -> int: ...\n"
            "def fee() -> float: ...\n",
            "deadreckon/services/signal.py": "def score(features: list[float]) -> float: ...",
        },
        {f"deadreckon/contracts/orders.py:{line}" for line in (2, 4, 5)},
    ),
    Sample(
        no_path_is_private,
        {"deadreckon/runtime/settings.py": "data = 'var'\nold = '/ho" + "me/me/var'"},
        {"deadreckon/runtime/settings.py:2"},
    ),
]
