"""The PnL of sealed days as tables, and the ranges it was folded from."""

from rich.console import Console
from rich.text import Text

from deadreckon.cli.terminal.statement_table import profit_tables
from deadreckon.replay.pnl.document import PnlDocument


def show(document: PnlDocument) -> None:
    """Print the figures, then the ranges behind them."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    for each in profit_tables(document):
        console.print(each)
    for line in _origin(document):
        console.print(Text.assemble(" ", line))
    for name in document.unpriced:
        left_out = f" ✗ no price or rate, so left out of every sum: {name}"
        console.print(Text(left_out, "yellow"))


def _end(document: PnlDocument) -> list[Text]:
    """Warn where the archive ends; not for an unsigned one, which nothing follows."""
    last = document.last_sequence
    if last < document.sealed_up_to or not document.ranges[-1].signed_by:
        return []
    line = f"sealed up to sequence {last:,}; what the log said later is not in here"
    return [Text(line, "yellow")]


def _origin(document: PnlDocument) -> list[Text]:
    ranges = document.ranges
    repeated = document.repeated_fills
    again = f", {repeated:,} reported again and counted once" if repeated else ""
    signers = sorted({each.signed_by for each in ranges})
    roots = [f"{each.number} {each.root}" for each in (ranges[:1] + ranges[1:][-1:])]
    return [
        Text(f"{document.fills:,} fills{again}"),
        Text(
            f"sequences {document.first_sequence:,} to {document.last_sequence:,} in "
            f"{len(ranges):,} sealed ranges; {document.ranges_folded:,} ranges and "
            f"{document.fills_folded:,} fills folded, every file as it was sealed"
        ),
        *_end(document),
        Text.assemble(("Merkle root of range ", "dim"), ", of ".join(roots)),
        Text.assemble(("signed by ", "dim"), ", ".join(each or "nobody" for each in signers)),
    ]
