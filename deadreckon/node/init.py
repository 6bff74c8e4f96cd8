"""A new folder that trades on paper: settings, a market in real time, and the first facts."""

import json
import shutil
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from deadreckon.contracts.amounts import canonical, round_up, text
from deadreckon.contracts.event import NANOSECONDS, Event
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.limits import LimitsSet
from deadreckon.contracts.portfolio import CashDeposited, ReportingConfigured
from deadreckon.marketdata.tapes.loading import load_or_import
from deadreckon.marketdata.tapes.synthetic import Recipe, synthesise
from deadreckon.marketdata.tapes.tape import Tape, checked_instrument
from deadreckon.node.demo_setup import further_strategy, instrument, setup_facts
from deadreckon.node.demo_sizes import tape_sizes
from deadreckon.node.operator_commands import record_facts
from deadreckon.node.settings import SETTINGS_FILE
from deadreckon.runtime.process import durable
from deadreckon.runtime.process.folder import Folder, FolderError
from deadreckon.strategies.loading import remember_files, use_folder

BAR_SECONDS = 5  # of the synthetic market: a price at once, and a fill within a bar
SYNTHETIC_DAYS = 3  # then it begins anew
MARK_EVERY = 60 * NANOSECONDS  # so that `dr status` shows equity within the first minute
FIRST_SIGNAL = "first-signal.jsonl"

SETTINGS = """\
# Settings of the stack in this folder, read by `dr up`. Nothing here decides what is traded:
# instruments, cash, limits and venues are facts in the log, which `dr instruments`, `dr cash`,
# `dr limits` and `dr venue` show and change. docs/runbook.md explains each setting.

# The market: a tape that is played in real time, and again from its start when it ends.
# Take the line out when something else publishes prices, or state them with `dr mark`.
market = {market}

# Port of the gateway on loopback (/health, /metrics, /portfolio); 0 takes a free one.
web_port = 8787

# Seconds between two ticks of the clock.
clock_seconds = 1.0

# A process of its own for every service, started again when it ends.
processes = false

# Minutes between two comparisons of the views with the log; 0 for never.
check_views_minutes = 360.0

# Other venues than the paper venue: docs/venues.md. When closed days are sealed: docs/archive.md.
# [venues.sim]
# [archive]
"""


class InitOptions(Struct, frozen=True):
    """Options of `dr init`: without a tape a market is invented, which begins at `price`; cash is
    in the quote currency, by default what suits the market."""

    instrument: str | None
    tape: Path | None
    price: int
    cash: Decimal | None
    strategies: tuple[str, ...]
    actor: str
    reason: str


class NewFolder(Struct, frozen=True):
    """Result of `dr init`: its files, and what it put into the log."""

    data: str
    settings: str
    signal: str
    instrument: str
    venue: str
    cash: str
    currency: str
    strategies: list[str]
    fault: str


async def init(root: Path, options: InitOptions) -> NewFolder:
    """Make a folder on which `dr up` trades on paper; without a trace where that fails. Raises
    FolderError, TapeError, StrategyLoadError."""
    if root.is_dir() and any(root.iterdir()):
        raise FolderError(f"{root} is in use: name a new folder, or an empty one")
    is_new = not root.exists()
    folder = Folder(root).create()
    with ExitStack() as unfinished:
        unfinished.callback(_remove, root, whole=is_new)
        with folder.alone():
            made = await _fill(folder, options)
        unfinished.pop_all()
        return made


def _remove(root: Path, *, whole: bool) -> None:
    for path in [root] if whole else root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


async def _fill(folder: Folder, options: InitOptions) -> NewFolder:
    tape = _tape(folder, options)
    listing = instrument(tape.header)
    sizes = tape_sizes(tape, listing)
    cash = sizes.cash if options.cash is None else options.cash
    use_folder(folder.root)
    remember_files(folder.root, options.strategies)
    interval = (tape.header.interval_seconds or 0) * NANOSECONDS
    facts = [
        *_terms(setup_facts(tape.header, sizes=sizes)),
        ReportingConfigured(listing.quote_currency, MARK_EVERY, "", ""),
        CashDeposited(listing.quote_currency, cash, "", ""),
        sensible_limits(cash, interval),
        *(
            further_strategy(each, listing.instrument, sizes.notional)
            for each in options.strategies
        ),
    ]
    market = str(tape.path.relative_to(folder.root))
    settings, signal = folder.root / SETTINGS_FILE, folder.root / FIRST_SIGNAL
    durable.replace(settings, SETTINGS.format(market=json.dumps(market)).encode())
    durable.replace(signal, f"{json.dumps(first_signal(listing, cash))}\n".encode())
    signed = {"actor": options.actor, "reason": options.reason}
    await record_facts(folder.root, [replace(fact, **signed) for fact in facts])
    return NewFolder(
        data=str(folder.root),
        settings=str(settings),
        signal=str(signal),
        instrument=listing.instrument,
        venue=listing.venue,
        cash=text(cash),
        currency=listing.quote_currency,
        strategies=list(options.strategies),
        fault=sizes.fault,
    )


def _terms(facts: list[Event]) -> list[Event]:
    """Return what a demo of the tape would say of the instrument and its venue."""
    return [fact for fact in facts if isinstance(fact, (InstrumentListed, VenueConfigured))]


def _tape(folder: Folder, options: InitOptions) -> Tape:
    """Put the tape into the folder: the one that is given, or an invented one."""
    durable.make_folders(folder.tapes, durable.SHARED_FOLDER)
    if options.tape is None:
        name = checked_instrument(options.instrument)
        recipe = Recipe.of(
            7,
            days=SYNTHETIC_DAYS,
            bars=None,
            interval=BAR_SECONDS,
            start="2026-01-01T00:00:00Z",
            price=options.price,
        )
        return synthesise(recipe, name, folder.tapes / "market.parquet")
    tape = load_or_import(options.tape, options.instrument, folder.tapes)
    if folder.tapes not in tape.path.parents:
        kept = shutil.copyfile(tape.path, folder.tapes / tape.path.name)
        tape = Tape(kept, tape.header)
    return tape


def sensible_limits(cash: Decimal, interval: int) -> LimitsSet:
    """Return limits for so much cash: a tenth of it in one order, half in one instrument, nothing
    borrowed; a price may be three bars old (`interval` in nanoseconds)."""

    def share(of: str) -> Decimal:
        return canonical(cash * Decimal(of))

    return LimitsSet(
        actor="",
        reason="",
        order_notional_max=share("0.1"),
        exposure_instrument_max=share("0.5"),
        exposure_gross_max=canonical(cash),
        leverage_max=Decimal(1),
        liability_max=Decimal(0),
        equity_floor=share("0.5"),
        drawdown_max=Decimal("0.1"),
        daily_loss_max=share("0.03"),
        price_age_max=max(120 * NANOSECONDS, 3 * interval),
    )


def first_signal(listing: InstrumentListed, cash: Decimal) -> dict[str, str]:
    """Return a signal that buys for half a percent of the cash, or for twice the least order."""
    notional = max(cash / 200, listing.minimum_notional * 2)
    return {
        "id": "first-1",
        "strategy": "ext",
        "instrument": listing.instrument,
        "side": "buy",
        "notional": text(round_up(notional, Decimal("0.00000001"))),
    }
