"""`dr mark`: state a price by hand."""

from deadreckon.cli.operator_facts import Amount, publish_command
from deadreckon.cli.operator_facts import check as check_fact
from deadreckon.cli.options import UrgentOptions


def mark(instrument: str, price: Amount, *, options: UrgentOptions = UrgentOptions()) -> None:
    """State a price by hand: the mark of an instrument, in its quote currency.

    Positions are valued at it; risk checks by it once the market's own price is too old. It fills
    open paper orders of an instrument that has neither bars, quotes nor prints (docs/orders.md); an
    order that comes later waits for the next one. Exits 1 if it is refused, or not answered.

    Example: dr mark BTCUSDT.PAPER 60000 --reason "no feed today" --data run1

    Parameters
    ----------
    instrument
        SYMBOL.VENUE, as in `dr instruments list`.
    price
        In quote currency per base unit.
    """
    from deadreckon.contracts.market import MarkUpdated

    event = MarkUpdated(instrument, price, options.actor, options.reason)
    check_fact(event)
    publish_command("mark", event, options, "fill", "portfolio")
