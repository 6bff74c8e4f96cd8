"""Results of holding the views against the log; no decision reads them."""

from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.fields import Reason
from deadreckon.contracts.units import described

VERIFIER = "verifier"  # the service, in the shared book

ViewName = Annotated[str, described("`audit`, `lake`, `metrics` or `views` (those of DuckDB)")]


class ViewDiffered(Event, frozen=True):
    """A view differs from what the log gives: it was damaged, or changed by another program."""

    declared = Declaration("views.view_differed", (VERIFIER,))

    view: ViewName
    place: Annotated[int, described("sequence up to which the view was compared")]
    table: Annotated[
        str, described("table with the first difference; empty when the whole view is damaged")
    ]
    key: Annotated[list[str], described("key of the row with the first difference")]
    column: Annotated[str, described("column with the first difference")]
    stored: Annotated[str, described("value that the view has there")]
    expected: Annotated[str, described("value that the log gives")]
    reason: Reason


class ViewRebuilt(Event, frozen=True):
    """A view that differed was rebuilt from the log and has replaced the old one."""

    declared = Declaration("views.view_rebuilt", (VERIFIER,))

    view: ViewName
    place: Annotated[int, described("sequence up to which the view was rebuilt")]
    differed: Annotated[str, described("id of the event that reported the difference")]
