"""Rules about files that have to outlive a power cut."""

import ast

from tests.tidy.sources import Rule, Sample, SourceTree

# Rooms that keep state in a data folder, and the one module in them that writes it.
KEEPING_STATE = {"runtime", "archive", "projections", "strategies", "node", "models", "marketdata"}
WRITER = "deadreckon.runtime.process.durable"
# Modules that write what nobody misses after a power cut.
FLEETING = {
    "deadreckon.projections.verification",  # a view, held by links while it is compared
    "deadreckon.projections.sinks.published",  # links that are set anew with every batch
}
OF_THE_SYSTEM = {"fdatasync", "fsync", "link", "rename", "replace"}
OF_A_PATH = {"hardlink_to", "rename", "write_bytes", "write_text"}


def state_is_written_in_one_place(tree: SourceTree) -> list[str]:
    """The order of writing, forcing to disk and renaming is tested there, against power cuts."""
    return [
        source.at(node.lineno, f"{node.func.attr} beside {WRITER}; write state through it")
        for source in tree.values()
        if source.room in KEEPING_STATE and source.name not in {WRITER, *FLEETING}
        for node in source.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if (_of_the_system(node.func) and node.func.attr in OF_THE_SYSTEM)
        or (node.func.attr in OF_A_PATH and not node.keywords and not _is_frame(node))
    ]


def _of_the_system(called: ast.Attribute) -> bool:
    return isinstance(called.value, ast.Name) and called.value.id == "os"


def _is_frame(call: ast.Call) -> bool:
    """Tell whether columns of a frame are renamed, by a mapping."""
    return bool(call.args) and isinstance(call.args[0], ast.Dict)


RULES: list[Rule] = [state_is_written_in_one_place]

SAMPLES = [
    Sample(
        state_is_written_in_one_place,
        {
            "deadreckon/runtime/process/durable.py": "os.replace(a, b)",
            "deadreckon/runtime/state.py": "os.replace(a, b)\nos.fsync(c)\ndurable.replace(a, b)\n"
            "path.write_bytes(d)\npath.rename(e)",
            "deadreckon/marketdata/frame.py": "frame.rename({a: b})",
            "deadreckon/cli/why.py": "path.write_text(d)",
        },
        {f"deadreckon/runtime/state.py:{line}" for line in (1, 2, 4, 5)},
    ),
]
