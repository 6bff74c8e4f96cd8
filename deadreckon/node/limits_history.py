"""History of the limits: every change in the log, by whom and why."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, Struct, structs, to_builtins

from deadreckon.archive.open_log import open_bus
from deadreckon.contracts.event import Mode, Recorded
from deadreckon.contracts.limits import LimitsSet, ProducerQuotaSet
from deadreckon.contracts.quota import replaces
from deadreckon.contracts.timestamps import format_timestamp
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.reading import read_messages
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.service.ingress import Ingress
from deadreckon.services.catalogue import BOOK

SHAPES: tuple[type[LimitsSet | ProducerQuotaSet], ...] = (LimitsSet, ProducerQuotaSet)
NO_LIMITS = ("actor", "reason", "is_default")  # fields of these events beside their limits
NAMES = {
    name: shape for shape in SHAPES for name in shape.__struct_fields__ if name not in NO_LIMITS
}


class LimitChange(Struct, frozen=True):
    """A limit that an operator changed; values are as `dr limits show --json` has them."""

    sequence: int
    at: str
    event_id: str
    actor: str
    reason: str
    name: str
    before: Any
    after: Any


async def limits_history(
    data: Path, nats: str | None, name: str | None = None, book: str = BOOK
) -> list[LimitChange]:
    """Read every change of a limit (null: of all) from a folder's log, the earliest first."""
    async with open_bus(Folder(data).check(), nats) as bus:
        found = await read_history(bus, book)
    return [change for change in found if name in (None, change.name)]


async def read_history(bus: Bus, book: str, mode: Mode = "paper") -> list[LimitChange]:
    """Read every change of a limit from the whole log."""
    intake = Ingress(book, mode, reads_signals=False)
    before: dict[type, Any] = {}
    found: list[LimitChange] = []
    async for message in read_messages(bus):
        for record in intake.records_of(message):
            event = record.event
            earlier = before.get(type(event))
            if isinstance(event, ProducerQuotaSet) and not replaces(event, earlier):
                continue
            if isinstance(event, SHAPES):
                found += _changes(message.sequence, record, earlier)
                before[type(event)] = event
    return found


def _changes(
    sequence: int, record: Recorded[Any], before: LimitsSet | ProducerQuotaSet | None
) -> Iterator[LimitChange]:
    """Yield what an event changes; without one before it, what it does not leave at its default."""
    event = record.event
    at = format_timestamp(record.at) if record.at else ""
    for field in structs.fields(event):
        old = _default(field) if before is None else getattr(before, field.name)
        new = getattr(event, field.name)
        if field.name not in NO_LIMITS and new != old:
            values = to_builtins(old), to_builtins(new)
            signature = event.actor, event.reason
            yield LimitChange(sequence, at, record.id, *signature, field.name, *values)


def _default(field: structs.FieldInfo) -> Any:
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default
