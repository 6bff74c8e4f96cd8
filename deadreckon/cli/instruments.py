"""`dr instruments`: list, add and remove the instruments that may trade."""

from cyclopts import App

from deadreckon.cli.operator_facts import assigned, build, in_force, print_rows, publish
from deadreckon.cli.options import CommandOptions, LogOptions

instruments = App(
    name="instruments",
    help="List, add and remove what may trade. Example: dr instruments list --data run1",
)


@instruments.command(name="list")
def list_(*, options: LogOptions = LogOptions()) -> None:
    """Print every listed instrument with its steps and minima.

    Example: dr instruments list --data run1
    """
    print_rows(in_force(options.data, options.nats).instruments.values(), options)


@instruments.command(name="add")
def add(instrument: str, *specifications: str, options: CommandOptions) -> None:
    """List an instrument, or change the specifications of a listed one.

    Example: dr instruments add BTCUSDT.PAPER kind=spot base_currency=BTC quote_currency=USDT
    tick_size=0.01 lot_size=0.0001 minimum_notional=10 --actor ann --reason "opening"

    Parameters
    ----------
    instrument
        SYMBOL.VENUE.
    specifications
        NAME=VALUE pairs of InstrumentListed; docs/events.md lists them.
    """
    from deadreckon.contracts.instruments import InstrumentListed

    symbol, _, venue = instrument.partition(".")
    named = assigned(specifications, InstrumentListed)
    defaults = {
        "instrument": instrument,
        "symbol": symbol,
        "venue": venue,
        "kind": "spot",
        "minimum_quantity": named.get("lot_size", "0.0001"),
        "minimum_notional": "0",
        "contract_size": "1",
        "market": named.get("kind", "spot"),
    }
    publish(build(InstrumentListed, defaults | named | options.signature), options)


@instruments.command(name="remove")
def remove(instrument: str, *, options: CommandOptions) -> None:
    """Stop trading an instrument; an open position stays open.

    Example: dr instruments remove BTCUSDT.PAPER --actor ann --reason "delisted"
    """
    from deadreckon.contracts.instruments import InstrumentDelisted

    publish(InstrumentDelisted(instrument, options.actor, options.reason), options)
