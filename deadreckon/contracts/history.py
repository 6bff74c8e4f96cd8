"""Shapes no longer written, each with its upcast; the only place that knows version numbers."""

from deadreckon.contracts.event import Retired
from deadreckon.contracts.governance import HaltRequested


class HaltRequestedV1(Retired, frozen=True):
    """Until 2026-11 a halt said `close_only` as a flag; every other halt was total."""

    actor: str
    reason: str
    close_only: bool

    def upcast(self) -> HaltRequested:
        """Return the halt with its scope in words."""
        return HaltRequested(
            actor=self.actor, reason=self.reason, scope="close_only" if self.close_only else "all"
        )


# (type, version) -> retired shape. The newest version of a type is one more than its last here.
RETIRED: dict[tuple[str, int], type[Retired]] = {
    ("governance.halt_requested", 1): HaltRequestedV1,
}
