"""`dr bench`: measurements of the stack, next to the limits of its machine."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deadreckon.cli.app import EXIT_DIFFERENCE, VerbEnd
from deadreckon.cli.document import print_document

if TYPE_CHECKING:
    from deadreckon.tools.bench.figures import Figure
    from deadreckon.tools.bench.history import BenchRun, FigureKey

Name = Literal[
    "append",
    "decode",
    "fold",
    "bulk",
    "replay",
    "latency",
    "sustained",
    "play",
    "memory",
    "restart",
    "takeover",
    "soak",
]


def bench(
    *names: Name,
    quick: bool = False,
    events: int | None = None,
    json: bool = False,
    markdown: bool = False,
    data: Path = Path("var/bench"),
    history: Path | None = None,
) -> None:
    """Measure the stack; each figure is next to the machine's limit from the same run.

    Exits 1 when a mark was missed. Everything is measured in folders that are gone afterwards,
    with fsync on; only the history stays. Let nothing else run: it makes times poor, and where
    no core is free the ratios too.

    Example: dr bench append latency --quick

    Parameters
    ----------
    names
        What to measure; nothing for all but the soak, which takes some minutes.
    quick
        So little that it shows only that it works; the figures mean nothing.
    events
        How many events a soak is to last; 5,000,000 unless given, which takes hours.
    json
        Print one JSON object.
    markdown
        Print the table of docs/performance.md.
    data
        The folder to work in.
    history
        The file that past runs are kept in; `bench.jsonl` in the folder unless given.
    """
    from deadreckon.cli.running import run
    from deadreckon.tools.bench.cases import run_cases
    from deadreckon.tools.bench.history import last_figures, remember

    path = data / "bench.jsonl" if history is None else history
    result = run(lambda: run_cases(names, data, quick, _tell, events))
    before = last_figures(path, quick, result.machine)
    remember(path, result)
    _show(result, before, json, markdown)
    if not result.reached:
        raise VerbEnd(EXIT_DIFFERENCE, "a mark was missed")


def _show(
    result: "BenchRun", before: "Mapping[FigureKey, Figure]", as_json: bool, as_markdown: bool
) -> None:
    if as_json:
        print_document(result)
        return
    from deadreckon.cli.terminal import bench_table

    if as_markdown:
        print(bench_table.markdown(result))
    else:
        bench_table.show_run(result, before)


def _tell(name: str, text: str) -> None:
    print(f"{name}: {text}", file=sys.stderr, flush=True)
