"""What the sealer says of the log itself; no decision reads it."""

from deadreckon.contracts.event import Event

SEALER = "sealer"  # the service, in the shared book


class RangeSealed(Event, frozen=True):
    """Messages `first`..`last` of the log are in the archive, and nobody can change them unseen.

    `number` counts sealed ranges from 1. `day` is the UTC day (YYYY-MM-DD) of decision time that
    the range is, or the part of it until then. `messages` and `events` are how many it holds.
    `root` is the Merkle root (hex) over the messages as stored, `manifest` the SHA-256 (hex) of
    the manifest's bytes, `public_key` the ed25519 key (hex) whose signature the manifest has.
    """

    number: int
    first: int
    last: int
    day: str
    messages: int
    events: int
    root: str
    manifest: str
    public_key: str
