"""Tapes at the front door: import, inspect, describe, synth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_ENVIRONMENT, EXIT_USAGE, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.tape_choices import NO_CHOICES, SourceChoices
from deadreckon.marketdata.tapes.tape import TapeError, open_tape, write_tape

if TYPE_CHECKING:
    from rich.console import RenderableType

Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MarketChoices:
    """The market to invent.

    Parameters
    ----------
    days
        How long, when --bars does not say.
    bars
        How many bars.
    interval
        Seconds from bar to bar.
    start
        Open of the first bar, RFC 3339.
    price
        Of the first bar, in whole units of the quote currency.
    """

    days: int = 3
    bars: int | None = None
    interval: int = 60
    start: str = "2026-01-01T00:00:00Z"
    price: int = 60_000


def import_tape(
    source: Path,
    *,
    instrument: str,
    output: Output = None,
    choices: SourceChoices = NO_CHOICES,
    strict: bool = False,
    json: bool = False,
) -> None:
    """Turn a market data file into a tape; bad rows are refused and counted, never repaired.

    Reads CSV, JSON, Parquet and feather, also in .gz and .zip, of some seventy layouts
    (docs/tapes.md); `dr tape inspect` shows what each column is taken for, and the options say what
    a file leaves open. Rows in the report count from 1 and leave the header out.

    Example: dr tape import BTCUSDT-1m-2025-01.zip --instrument BTCUSDT.BINANCE

    Example: dr tape import mt.csv --instrument EURUSD.FX --timezone Europe/Athens --volume none

    Parameters
    ----------
    source
        The file to read; it is left as it is.
    instrument
        Of which market it is, as SYMBOL.VENUE.
    output
        The tape to write; by default the source's name with .tape.parquet, in this folder.
    strict
        Write nothing and exit with 1 when a row is refused.
    json
        Print the tape's header and the report as one JSON object.
    """
    with _plain_errors():
        from deadreckon.marketdata.tapes import describe, importing

        target = output or Path(f"{importing.stem(source)}.tape.parquet")
        header, columns, report = importing.convert(source, instrument, choices.options())
        refused = sum(report.refused.values())
        kept = not (report.loss or (strict and refused))
        tape = write_tape(target, header, columns.to_dict()) if kept else None
        _print(json, found := describe.ImportReport.of(tape, header, report), found.picture)
    if report.loss:
        fail(f"{report.loss}; nothing written", EXIT_DIFFERENCE)
    if tape is None:
        fail(f"{refused} rows refused, nothing written; leave out --strict", EXIT_DIFFERENCE)


def inspect(source: Path, *, choices: SourceChoices = NO_CHOICES, json: bool = False) -> None:
    """Show how a market data file would be read, before anything is written.

    Takes the options of `dr tape import`; ends with 1 when that would fail, and says why.

    Example: dr tape inspect eurusd.csv --columns time=0,open=1,high=2,low=3,close=4 --volume none

    Parameters
    ----------
    source
        The file to look at.
    json
        Print columns, first rows and the report as one JSON object.
    """
    with _plain_errors():
        from deadreckon.marketdata.tapes import inspection

        found = inspection.inspect(source, choices.options())
        _print(json, found, found.picture)
    if found.problem:
        fail(found.problem, EXIT_DIFFERENCE)


def describe(tape: Path, *, json: bool = False) -> None:
    """Show what a tape holds: header, oddities and a small chart.

    Example: dr tape describe BTCUSDT-1m-2025-01.tape.parquet

    Parameters
    ----------
    tape
        The tape to read.
    json
        Print header, digest, prices and oddities as one JSON object.
    """
    with _plain_errors():
        from deadreckon.marketdata.tapes import describe

        opened = open_tape(tape)
        found = describe.describe(opened)
        _print(json, found, lambda width: describe.picture(opened, found, width))


def synth(
    *,
    seed: int,
    instrument: str = "BTCUSDT.PAPER",
    output: Output = None,
    market: MarketChoices = MarketChoices(),
    json: bool = False,
) -> None:
    """Invent a market with moods, clustered volatility, jumps and gaps; same seed, same tape.

    Example: dr tape synth --seed 7 --days 3 -o demo.tape.parquet

    Parameters
    ----------
    seed
        What makes this market another one.
    instrument
        Its name, as SYMBOL.VENUE.
    output
        The tape to write; by default synthetic-SEED.tape.parquet, in this folder.
    json
        Print header, digest, prices and oddities as one JSON object.
    """
    with _plain_errors():
        from deadreckon.marketdata.tapes import describe, synthetic

        recipe = synthetic.Recipe.of(seed, **asdict(market))
        target = output or Path(f"synthetic-{seed}.tape.parquet")
        made = synthetic.synthesise(recipe, instrument, target)
        found = describe.describe(made)
        _print(json, found, lambda width: describe.picture(made, found, width))


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Report a file that cannot be used, or a folder that cannot be written, in one line."""
    try:
        yield
    except TapeError as error:
        fail(str(error), EXIT_USAGE)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}; choose another path", EXIT_ENVIRONMENT)


def _print(json: bool, value: Any, picture: Callable[[int], RenderableType]) -> None:
    if json:
        print_document(value)
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.print(picture(console.width))


verbs = App(
    name="tape",
    help="Inspect, import, describe and invent market data. Example: dr tape describe btc.parquet",
)
verbs.command(import_tape, name="import")
verbs.command(inspect, name="inspect")
verbs.command(describe, name="describe")
verbs.command(synth, name="synth")
