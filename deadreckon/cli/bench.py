"""`dr bench`: what the stack costs, beside the limits of the machine it runs on."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deadreckon.cli.app import EXIT_DIFFERENCE, fail

if TYPE_CHECKING:
    from deadreckon.stack.bench.history import Run

Name = Literal["append", "decode", "fold", "replay", "latency", "sustained", "play", "memory"]


def bench(
    *names: Name,
    quick: bool = False,
    json: bool = False,
    data: Path = Path("var/bench"),
    history: Path | None = None,
) -> None:
    """Measure the stack, each figure beside the machine's limit measured in the same run.

    Exits 1 when a mark was missed. Everything is measured in folders that are gone afterwards,
    with fsync on; only the history stays. A busy machine gives poor times; the ratios hold.

    Example: dr bench append latency --quick

    Parameters
    ----------
    names
        What to measure; nothing for all of it, which takes some minutes.
    quick
        So little that it shows only that it works; the figures mean nothing.
    json
        Print one JSON object.
    data
        The folder to work in.
    history
        The file that past runs are kept in; `bench.jsonl` in the folder unless given.
    """
    from deadreckon.cli.running import run
    from deadreckon.stack.bench.history import last_figures, remember
    from deadreckon.stack.bench.measures import take
    from deadreckon.stack.bench.workshop import MeasureError

    path = data / "bench.jsonl" if history is None else history
    try:
        result = run(lambda: take(names, data, quick, _tell))
    except MeasureError as error:
        fail(str(error))
    before = last_figures(path, quick, result.machine)
    remember(path, result)
    if json:
        _print_json(result)
    else:
        from deadreckon.cli.bench_table import show_run

        show_run(result, before)
    if not result.reached:
        raise SystemExit(EXIT_DIFFERENCE)


def _tell(name: str, text: str) -> None:
    print(f"{name}: {text}", file=sys.stderr, flush=True)


def _print_json(result: "Run") -> None:
    import msgspec

    print(msgspec.json.encode(result).decode())
