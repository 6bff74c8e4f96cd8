"""The simulated exchange of a data folder: its process, and the way to the account there."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from deadreckon.contracts.amounts import is_sane
from deadreckon.contracts.event import Event
from deadreckon.contracts.instruments import InstrumentListed, VenueConfigured
from deadreckon.contracts.portfolio import CashDeposited
from deadreckon.node.venue_logins import write_login
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.bounds import check_text, check_url
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.process.folder import Folder, FolderError
from deadreckon.venues.registry import VenueLogin
from deadreckon.venues.simulated.adapter import SERVICE, ExchangeAddress
from deadreckon.venues.simulated.exchange.faults import Faults
from deadreckon.venues.simulated.exchange.orders import Symbol
from deadreckon.venues.simulated.exchange.process import ExchangeFailedError, ExchangeProcess

SEED_DEFAULT = "1"  # of an exchange that was given none
RESTART_WAIT = 1.0  # seconds before one that would not start is tried again

log = log_lines.Logger()


class ExchangeSettings(Struct, frozen=True):
    """Settings of an exchange in the folder: its market's seed (null: as before), what trades
    there, the cash of the account by currency, and what goes wrong."""

    seed: str | None = None
    symbols: Sequence[Symbol] = ()
    cash: Mapping[str, Decimal] = {}
    faults: Faults | None = None


class SimulatedVenueSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The simulated exchange of a stack: one that runs elsewhere, at `url`, with its key in
    `key_file`; or an `embedded` one in the stack's folder, with the seed, symbols and cash
    (by currency) that are given here."""

    url: str = ""
    key_file: str = ""
    embedded: bool = False
    seed: str | None = None
    symbols: tuple[Symbol, ...] = ()
    cash: dict[str, Decimal] = {}

    def __post_init__(self) -> None:
        if self.url:
            check_url("url", self.url, ("http", "https"))
        if self.key_file:
            check_text("key_file", self.key_file, "the path of a file")
        if self.seed is not None:
            check_text("seed", self.seed, "a text")
        elsewhere = bool(self.url and self.key_file)
        if elsewhere == self.embedded or bool(self.url) != bool(self.key_file):
            raise ValueError("give url and key_file, or embedded = true")
        for currency, amount in self.cash.items():
            if not is_sane(amount) or amount <= 0:
                raise ValueError(f"cash {currency}: expected a positive amount, found {amount}")
        for symbol in self.symbols:
            for name in ("symbol", "quote_currency"):
                check_text(name, getattr(symbol, name), "a symbol")
            for name in ("base_price", "tick_size", "lot_size"):
                value = getattr(symbol, name)
                if not is_sane(value) or value <= 0:
                    raise ValueError(f"{symbol.symbol} {name}: expected above 0, found {value}")
            for name in ("maker_fee_rate", "taker_fee_rate"):
                value = getattr(symbol, name)
                if not is_sane(value) or not -1 < value < 1:
                    raise ValueError(f"{symbol.symbol} {name}: expected -1 to 1, found {value}")


class VenueSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Venues of a stack next to the paper venue, each with its own edge."""

    sim: SimulatedVenueSettings | None = None

    @property
    def edges(self) -> tuple[str, ...]:
        """The services of the configured venues."""
        return (SERVICE,) if self.sim else ()


def exchange_folder(folder: Folder) -> Path:
    """Return the folder in which an exchange of our own keeps its store."""
    return folder.root / "exchange"


def check_venue(folder: Folder, wanted: bool) -> None:
    """Refuse to go on with a folder at another venue than it began with. Raises FolderError.

    Its open orders are where they are, and its positions came from there.
    """
    has_begun = (folder.root / "nats").exists()
    if has_begun and wanted and not exchange_folder(folder).exists():
        raise FolderError(
            f"{folder.root} trades at the paper venue: leave --venue out, or take another --data"
        )
    if not wanted and exchange_folder(folder).exists():
        raise FolderError(
            f"{folder.root} trades at a simulated exchange: go on with --venue sim, "
            "or take another --data"
        )


@asynccontextmanager
async def own_exchange(
    folder: Folder, settings: ExchangeSettings
) -> AsyncIterator[ExchangeProcess]:
    """Run an exchange of our own on the folder within this context; restarts it if it ends."""
    where = exchange_folder(folder)
    async with ExchangeProcess(where, _seed(where, settings.seed)) as exchange:
        write_login(
            folder, SERVICE, VenueLogin(exchange.address.url, str((where / "key").absolute()))
        )
        async with exchange.admin() as admin:
            for symbol in settings.symbols:
                await admin.list_symbol(symbol)
            for currency, amount in settings.cash.items():
                await admin.deposit(f"opening {currency}", currency, amount)
            await admin.disturb(settings.faults or Faults())
        keeping = asyncio.create_task(_keep(exchange), name="exchange")
        try:
            yield exchange
        finally:
            await cancel_all([keeping])


@asynccontextmanager
async def venues_ready(folder: Folder, venues: VenueSettings) -> AsyncIterator[None]:
    """Run what the edges of these venues need, as long as this lasts."""
    if venues.sim is None:
        yield
    elif venues.sim.embedded:
        settings = ExchangeSettings(venues.sim.seed, venues.sim.symbols, venues.sim.cash)
        async with own_exchange(folder, settings):
            yield
    else:
        key_file = str(Path(venues.sim.key_file).absolute())
        write_login(folder, SERVICE, VenueLogin(venues.sim.url, key_file))
        yield


async def _keep(exchange: ExchangeProcess) -> None:
    while True:
        await exchange.ended()
        log.error("exchange_ended", next="starting it again on the same book and ports")
        try:
            await exchange.start()
        except ExchangeFailedError as error:
            log.error("exchange_not_started", reason=str(error), next_try_seconds=RESTART_WAIT)
            await asyncio.sleep(RESTART_WAIT)


def _seed(where: Path, wanted: str | None) -> str:
    """Find the seed of the market. Raises FolderError for another than it was."""
    try:
        kept = msgspec.json.decode(
            (where / "exchange.json").read_bytes(), type=ExchangeAddress
        ).seed
    except FileNotFoundError:
        return wanted or SEED_DEFAULT
    if wanted not in (None, kept):
        raise FolderError(f"{where.parent}: its exchange has seed {kept}; take another --data")
    return kept


def exchange_for(
    facts: Iterable[Event], base_price: Decimal, settings: ExchangeSettings
) -> ExchangeSettings:
    """Set up an exchange where what is listed trades around a price, on the terms of its venue, and
    the account has the cash that was deposited. `settings` has the rest."""
    record = list(facts)
    terms = {event.venue: event for event in record if isinstance(event, VenueConfigured)}
    return msgspec.structs.replace(
        settings,
        symbols=[
            Symbol(
                symbol=event.symbol,
                base_price=base_price,
                tick_size=event.tick_size,
                lot_size=event.lot_size,
                quote_currency=event.quote_currency,
                maker_fee_rate=terms[event.venue].maker_fee_rate,
                taker_fee_rate=terms[event.venue].taker_fee_rate,
            )
            for event in record
            if isinstance(event, InstrumentListed)
        ],
        cash={event.currency: event.amount for event in record if isinstance(event, CashDeposited)},
    )
