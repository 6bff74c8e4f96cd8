"""`dr venue`: show or set how a venue fills and charges."""

import msgspec
from cyclopts import App

from deadreckon.cli.operator_facts import assigned, build, in_force, print_rows, publish
from deadreckon.cli.options import CommandOptions, LogOptions

venue = App(
    name="venue",
    help="Show or set how a venue fills and charges. Example: dr venue list --data run1",
)


@venue.command(name="list")
def list_(*, options: LogOptions = LogOptions()) -> None:
    """Print every venue's fees, slippage, latency and participation.

    Example: dr venue list --data run1
    """
    print_rows(in_force(options.data, options.nats).venues.values(), options)


@venue.command(name="set")
def set_(name: str, *settings: str, options: CommandOptions) -> None:
    """Set how a paper venue fills and charges; what is not named stays as it is.

    Example: dr venue set PAPER taker_fee_rate=0.0004 --actor ann --reason "new tier"

    Parameters
    ----------
    name
        The venue, as in SYMBOL.VENUE.
    settings
        NAME=VALUE pairs of VenueConfigured; docs/events.md lists them.
    """
    from deadreckon.contracts.instruments import VenueConfigured

    defaults = {
        "venue": name,
        "maker_fee_rate": "0",
        "taker_fee_rate": "0",
        "fee_currency": "",
        "slippage_bps": "0",
        "latency": "0",
        "participation": "1",
    }
    named = assigned(settings, VenueConfigured)
    before = in_force(options.data, options.nats).venues.get(name)
    kept = msgspec.to_builtins(before) if before else defaults
    publish(build(VenueConfigured, kept | named | options.signature), options)
