"""`dr flatten`: close positions at market."""

from deadreckon.cli.operator_facts import publish_command
from deadreckon.cli.options import UrgentOptions


def flatten(*, instrument: str | None = None, options: UrgentOptions = UrgentOptions()) -> None:
    """Close positions at market with reduce-only orders; allowed while halted.

    Example: dr flatten --instrument BTCUSDT.PAPER --actor ann --reason "end of test" --data run1

    Parameters
    ----------
    instrument
        Only positions in this instrument; all of them when absent.
    """
    from deadreckon.contracts.governance import FlattenRequested

    event = FlattenRequested(options.actor, options.reason, instrument)
    publish_command("flatten", event, options, "risk")
