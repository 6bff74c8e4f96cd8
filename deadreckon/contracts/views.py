"""What was found of the views, which are made of the log; no decision reads it."""

from deadreckon.contracts.event import Event

VERIFIER = "verifier"  # the service, in the shared book


class ViewDiffered(Event, frozen=True):
    """A view was not what the log says: it was damaged, or written by somebody else.

    `view` is audit, lake, metrics or views (those of DuckDB); `place` the sequence up to which it
    was compared. `table`, `key` and `column` say where the first difference is, `stored` and
    `expected` what stands there and what the log says (all empty where the whole is damaged);
    `reason` is for people.
    """

    view: str
    place: int
    table: str
    key: list[str]
    column: str
    stored: str
    expected: str
    reason: str


class ViewRebuilt(Event, frozen=True):
    """A view that differed was made anew from the log, and took the old one's place.

    `view` is the same as in the event with the id `differed`, which said how it differed; `place`
    is the sequence up to which it was made.
    """

    view: str
    place: int
    differed: str
