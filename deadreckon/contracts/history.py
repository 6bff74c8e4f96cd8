"""Shapes no longer written, each with its upcast; the only place that knows version numbers."""

from typing import Annotated

from deadreckon.contracts.event import Retired
from deadreckon.contracts.fields import Actor, Reason
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.units import described


class HaltRequestedV1(Retired, frozen=True):
    """Until 2026-11 a halt said `close_only` as a flag; every other halt was total."""

    actor: Actor
    reason: Reason
    close_only: Annotated[bool, described("true: exits pass; false: everything is stopped")]

    def upcast(self) -> HaltRequested:
        """Return the halt with its scope by name."""
        return HaltRequested(
            actor=self.actor, reason=self.reason, scope="close_only" if self.close_only else "all"
        )


# (type, version) -> retired shape. The newest version of a type is one more than its last here.
RETIRED: dict[tuple[str, int], type[Retired]] = {
    ("governance.halt_requested", 1): HaltRequestedV1,
}
