"""Table of rights: the subjects that each credential may publish and subscribe to."""

from deadreckon.contracts.publishers import venue_edge
from deadreckon.runtime.server.known_roles import KnownRoles, Producer
from deadreckon.runtime.server.rights import IMPORTED, READERS_MAX, READING, Rights, table

BOOK = "desk"
EXAMPLES = (
    Producer("NAME", BOOK, ""),
    Producer("READER", BOOK, "", may_read=True),
)
READS = "*reads the log*"
BOUNDED = f"*reads the log*, with the {READERS_MAX} names"


def privileges_table() -> str:
    """Render the rights of every role for the book `desk`, a venue and two producers."""
    rows = table(KnownRoles((BOOK,), EXAMPLES, venues=(venue_edge("NAME"),)))
    lines = [
        "| credential | in account | may publish | may hear | what for |",
        "| --- | --- | --- | --- | --- |",
        *(_row(row) for row in rows),
    ]
    return "\n".join(lines)


def _row(row: Rights) -> str:
    own = [subject for subject in row.publish if not subject.startswith(f"{IMPORTED}.")]
    reads = BOUNDED if row.reader_names else READS
    names = [f"`{row.reader_names[0]}` to `{row.reader_names[-1]}`"] if row.reader_names else []
    publish = [*map(_code, own), *([" ".join([reads, *names])] if own != [*row.publish] else [])]
    cells = (
        row.role,
        row.account,
        ", ".join(publish) or "nothing",
        ", ".join(map(_code, row.subscribe)),
    )
    return f"| `{cells[0]}` | {cells[1]} | {cells[2]} | {cells[3]} | {row.purpose} |"


def reading_list() -> str:
    """Render the rights that reading the log requires, request by request."""
    return "\n".join(f"* {_code(subject)}" for subject in READING)


def _code(subject: str) -> str:
    return f"`{subject}`"
