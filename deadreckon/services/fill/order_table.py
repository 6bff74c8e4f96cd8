"""The life of an order as one table: states down, reports across, the next state in the cell.

Reports come late, twice and out of order; the table is monotone, so that none of them reopens an
order: what has ended stays as it ended, and an acknowledgement after a fill changes nothing.
"""

from typing import Literal, cast

Status = Literal[
    "routed",  # no intent recorded; also what nobody remembers any more
    "submitting",
    "unknown",
    "accepted",
    "triggered",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "expired",
]

# `partly` and `wholly` are OrderFilled with and without something left. "." changes nothing,
# "!" cannot be: a second intent for an order would be a second order.
TABLE = """\
| state            | submitting | accepted | unknown | triggered | replaced | partly           | wholly | cancelled | expired | rejected |
|------------------|------------|----------|---------|-----------|----------|------------------|--------|-----------|---------|----------|
| routed           | submitting | .        | .       | .         | .        | .                | .      | .         | .       | rejected |
| submitting       | !          | accepted | unknown | triggered | .        | partially_filled | filled | cancelled | expired | rejected |
| unknown          | !          | accepted | .       | triggered | .        | partially_filled | filled | cancelled | expired | rejected |
| accepted         | !          | .        | .       | triggered | .        | partially_filled | filled | cancelled | expired | rejected |
| triggered        | !          | .        | .       | .         | .        | partially_filled | filled | cancelled | expired | rejected |
| partially_filled | !          | .        | .       | .         | .        | .                | filled | cancelled | expired | .        |
| filled           | !          | .        | .       | .         | .        | .                | .      | .         | .       | .        |
| cancelled        | !          | .        | .       | .         | .        | .                | .      | .         | .       | .        |
| rejected         | !          | .        | .       | .         | .        | .                | .      | .         | .       | .        |
| expired          | !          | .        | .       | .         | .        | .                | .      | .         | .       | .        |
"""  # noqa: E501 - a table is read as a table

# Reports of a real venue, and fill's answer to each: down the states, across the reports.
# "." answers nothing: the report is late, doubled or of no consequence. An `end` follows once all
# trades are recorded that the venue counts; `filled` at every new trade, after the end as well,
# since it is money; `halt` is for a trade of an order that is not remembered. A rejected order that
# the venue works all the same is cancelled there. `unanswered` is of a request to submit.
VENUE_TABLE = """\
| state            | accepted   | rejected | not_sent | unanswered | missing | trade  | ended | cancel_rejected |
|------------------|------------|----------|----------|------------|---------|--------|-------|-----------------|
| routed           | .          | .        | .        | .          | .       | halt   | .     | .               |
| submitting       | accepted   | rejected | rejected | unknown    | .       | filled | end   | .               |
| unknown          | accepted   | rejected | rejected | .          | .       | filled | end   | .               |
| accepted         | .          | rejected | .        | .          | .       | filled | end   | .               |
| triggered        | .          | rejected | .        | .          | .       | filled | end   | .               |
| partially_filled | .          | .        | .        | .          | .       | filled | end   | .               |
| filled           | .          | .        | .        | .          | .       | filled | .     | .               |
| cancelled        | .          | .        | .        | .          | .       | filled | .     | .               |
| rejected         | cancelling | .        | .        | .          | .       | filled | .     | .               |
| expired          | .          | .        | .        | .          | .       | filled | .     | .               |
"""  # noqa: E501 - a table is read as a table

ENDED: tuple[Status, ...] = ("filled", "cancelled", "rejected", "expired")


class ImpossibleReportError(Exception):
    """You folded a report that no order can have, such as a second intent: a bug, not a fault."""


def _read(table: str) -> dict[tuple[str, str], str]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    reports = rows[0][1:]
    return {
        (row[0], report): cell
        for row in rows[2:]
        for report, cell in zip(reports, row[1:], strict=True)
    }


_NEXT = {
    (state, report): state if cell == "." else cell
    for (state, report), cell in _read(TABLE).items()
}
_ANSWERS = _read(VENUE_TABLE)


def next_status(status: Status, report: str) -> Status:
    """Look up the state after a report. Raises ImpossibleReportError where the table says "!"."""
    after = _NEXT[status, report]
    if after == "!":
        raise ImpossibleReportError(f"an order that is {status} cannot be {report} again")
    return cast(Status, after)


def answer_to(status: Status, report: str) -> str:
    """Look up the answer to a real venue's report about an order."""
    return _ANSWERS[status, report]
