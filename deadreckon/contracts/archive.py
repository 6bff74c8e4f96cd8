"""Facts about the log itself, recorded by the sealer; no decision reads them."""

from typing import Annotated

from deadreckon.contracts.event import Declaration, Event
from deadreckon.contracts.units import described

SEALER = "sealer"  # the service, in the shared book


class RangeSealed(Event, frozen=True):
    """A range of messages was written to the archive and sealed, so that any change shows."""

    declared = Declaration("archive.range_sealed", (SEALER,))

    number: Annotated[int, described("number of the sealed range, from 1", "count")]
    first: Annotated[int, described("sequence of the first message in the range")]
    last: Annotated[int, described("sequence of the last message in the range")]
    day: Annotated[
        str,
        described("UTC day of decision time (YYYY-MM-DD) that the range is, or is a part of"),
    ]
    messages: Annotated[int, described("number of messages in the range", "count")]
    events: Annotated[int, described("number of events in these messages", "count")]
    root: Annotated[str, described("Merkle root (hex) over the messages as stored")]
    manifest: Annotated[str, described("SHA-256 (hex) of the manifest's bytes")]
    public_key: Annotated[str, described("ed25519 key (hex) that verifies the manifest")]
