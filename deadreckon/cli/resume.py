"""`dr resume`: lift every halt."""

from deadreckon.cli.operator_facts import Wait, publish_and_wait
from deadreckon.cli.options import UrgentOptions


def resume(
    *, reset_counters: bool = False, wait: Wait = 10.0, options: UrgentOptions = UrgentOptions()
) -> None:
    """Lift every halt; returns when risk and fill have acknowledged it in the log.

    Exits 1 and names the services that did not answer in time.

    Example: dr resume --actor ann --reason "feed checked" --data run1

    Parameters
    ----------
    reset_counters
        Also restart peaks, daily losses and time windows from here.
    """
    from deadreckon.contracts.governance import ResumeRequested

    event = ResumeRequested(options.actor, options.reason, reset_counters)
    publish_and_wait("resume", event, options, wait)
