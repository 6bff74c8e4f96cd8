"""Events of the log, printed as they come: one a line."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from deadreckon.node.tail import TailedEvent


def event_printer() -> Callable[[TailedEvent], None]:
    """Return a function that prints an event, coloured by its kind on a terminal."""
    out = Console(highlight=False, soft_wrap=True)

    def show(event: TailedEvent) -> None:
        line = Text.assemble(
            (f"{event.sequence:>9,}.{event.index:<3}", "dim"),
            (f"{event.at:<20}", "dim"),
            f"{event.source:<11}",
            (f"{event.name:<18} ", _style(event.name)),
            event.text,
        )
        if out.is_terminal:
            out.print(line)
        else:  # a follower in a pipe reads each line at once
            sys.stdout.write(line.plain.rstrip() + "\n")
            sys.stdout.flush()

    return show


def _style(name: str) -> str:
    if name.endswith(("Refused", "Rejected", "Unroutable", "Missed", "Malformed", "Unknown")):
        return "yellow"
    if name.startswith(("Halt", "LogDamaged")):
        return "bold red"
    return "green" if name == "OrderFilled" else "cyan" if name.startswith("Order") else "bold"
