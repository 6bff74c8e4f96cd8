"""`dr demo`: the main job on a tape."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from deadreckon.cli.app import EXIT_DIFFERENCE, EXIT_USAGE, VerbEnd, fail
from deadreckon.cli.document import print_document
from deadreckon.cli.options import DataFolder, Seconds

if TYPE_CHECKING:
    from deadreckon.cli.launch import DemoOptions
    from deadreckon.replay.audit.document import AuditDocument
    from deadreckon.venues.simulated.exchange.faults import Faults


def demo(
    *,
    tape: Path | None = None,
    instrument: str | None = None,
    speed: str = "max",
    seconds: Annotated[Seconds | None, Parameter(name="--for")] = None,
    data: DataFolder = Path("var"),
    web_port: int = 8787,
    web: bool = True,
    processes: Literal["one", "six"] = "one",
    bus: Literal["jetstream", "memory"] = "jetstream",
    volume_unit: Literal["base", "quote", "contracts"] | None = None,
    nats: str | None = None,
    venue: Literal["paper", "sim"] = "paper",
    venue_seed: str | None = None,
    venue_faults: str | None = None,
    strategy: tuple[str, ...] = (),
    json: bool = False,
) -> None:
    """Run everything on a tape: server, services, paper venue, views; then print the statement.

    Called again on the same folder it goes on where it was; another tape is refused.

    Example: dr demo --tape btc.csv --instrument BTCUSD-PERP.PAPER --speed max --no-web --data run1

    Parameters
    ----------
    tape
        A tape, or any file that `dr tape import` reads; without it a synthetic market.
    instrument
        SYMBOL.VENUE; needed for a file that is no tape yet.
    speed
        "max", or how many times faster than life (1 is life).
    seconds
        Stop in good order after so many seconds, or 5min.
    web_port
        Port of the gateway on loopback.
    web
        Serve the gateway while running.
    processes
        All services in this process, or each in its own.
    bus
        Keep the log in JetStream, or only in memory.
    volume_unit
        The unit of a file's volume, where the file cannot say.
    nats
        URLs of NATS servers (with commas between them) or a file that names them
        (docs/security.md), instead of the embedded one. Three or more keep the log three times.
    venue
        Where orders go: the paper venue within fill, or a simulated exchange of the folder's own
        (docs/venues.md), which fills by a market of its own around the tape's first price.
    venue_seed
        What the simulated exchange's market is derived from; 1, or what it was before.
    venue_faults
        What goes wrong there: a JSON file as in docs/venues.md, or "all" for a little of each.
    strategy
        A further strategy with its defaults: path/to/my.py, path/to/my.py:Class, or the name of an
        installed one (docs/strategies.md). May be given several times.
    json
        Print the statement as one JSON object.
    """
    _check(seconds, tape, instrument)
    from deadreckon.cli.launch import DemoOptions

    options = DemoOptions(
        data=data,
        tape=tape,
        instrument=instrument,
        volume_unit=volume_unit,
        speed=_speed(speed),
        seconds=seconds,
        processes=processes == "six",
        memory=bus == "memory",
        nats=nats,
        web_port=web_port if web else None,
        quiet=json,
        venue=_checked_venue(venue == "sim", bool(venue_seed or venue_faults), bus == "memory"),
        venue_seed=venue_seed,
        venue_faults=_faults(venue_faults),
        strategies=_strategies(strategy),
    )
    _play(options, as_json=json)


def _play(options: "DemoOptions", *, as_json: bool) -> None:
    from deadreckon.cli.launch import run_demo
    from deadreckon.cli.running import run

    document = run(lambda: run_demo(options))
    show(document, as_json)
    if not as_json and not options.memory:
        from deadreckon.cli.terminal.statement_table import show_next

        show_next(options.data, finished=bool(document.run and document.run.finished))


def _strategies(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a strategy that cannot be used before anything is made for it."""
    from deadreckon.strategies.loading import StrategyLoadError, resolve

    for kind in kinds:
        try:
            resolve(kind)
        except StrategyLoadError as error:
            fail(str(error), EXIT_USAGE)
    return kinds


def _checked_venue(sim: bool, has_options: bool, memory: bool) -> bool:
    """Return True for the simulated venue; end with exit code 2 where it cannot be used."""
    if has_options and not sim:
        fail("--venue-seed and --venue-faults need --venue sim", EXIT_USAGE)
    if sim and memory:
        fail("--venue sim remembers its orders on disk: leave --bus memory out", EXIT_USAGE)
    return sim


def _check(seconds: float | None, tape: Path | None, instrument: str | None) -> None:
    """Refuse what cannot be played before anything is made for it."""
    if seconds is not None and seconds <= 0:
        fail(f"--for {seconds:g}: give a positive number of seconds", EXIT_USAGE)
    if tape is not None and not tape.exists():
        fail(f"{tape} does not exist; `dr tape synth` invents a tape", EXIT_USAGE)
    from deadreckon.marketdata.tapes.header import checked_instrument
    from deadreckon.marketdata.tapes.tape import TapeError, is_tape

    try:
        if instrument is not None or (tape is not None and tape.is_file() and not is_tape(tape)):
            checked_instrument(instrument)
    except TapeError as error:
        fail(str(error), EXIT_USAGE)


def _faults(plan: str | None) -> "Faults | None":
    import msgspec

    from deadreckon.venues.simulated.exchange.faults import Faults, every_fault

    if plan is None:
        return None
    if plan == "all":
        return every_fault()
    try:
        return msgspec.json.decode(Path(plan).read_bytes(), type=Faults)
    except (OSError, msgspec.MsgspecError) as error:
        fail(f"--venue-faults {plan}: {error}", EXIT_USAGE)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0 < speed < 1e9:
        fail(f"--speed {text}: give max, or a positive number such as 60", EXIT_USAGE)
    return speed


def show(document: "AuditDocument", as_json: bool) -> None:
    """Print a statement; exits with 1 when something in it contradicts the log."""
    if as_json:
        print_document(document)
    else:
        from deadreckon.cli.terminal.statement_table import show_statement

        show_statement(document)
    if not document.is_sound:
        raise VerbEnd(EXIT_DIFFERENCE, "something in the statement contradicts the log")
