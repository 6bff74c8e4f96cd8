"""Every event that may be written, by its name on the wire; derived from the declarations."""

from types import ModuleType

from deadreckon.contracts import (
    archive,
    clock,
    governance,
    history,
    instruments,
    life,
    limits,
    market,
    models,
    orders,
    portfolio,
    signals,
    venues,
    views,
)
from deadreckon.contracts.event import Event

MODULES = (
    market,
    clock,
    instruments,
    signals,
    orders,
    portfolio,
    limits,
    governance,
    models,
    venues,
    life,
    archive,
    views,
)


def _events_in(module: ModuleType) -> list[type[Event]]:
    """Return the events that a module defines, in the order of the file."""
    return [
        shape
        for shape in vars(module).values()
        if isinstance(shape, type)
        and issubclass(shape, Event)
        and shape.__module__ == module.__name__
    ]


SHAPES: tuple[type[Event], ...] = tuple(shape for module in MODULES for shape in _events_in(module))
EVENTS: dict[str, type[Event]] = {
    shape.declared.name: shape for shape in SHAPES if shape.declared.name
}
NAMES: dict[type[Event], str] = {shape: name for name, shape in EVENTS.items()}

# Read from inbound messages or from damage; the log holds what was sent, never these.
NEVER_WRITTEN: tuple[type[Event], ...] = tuple(shape for shape in SHAPES if not shape.declared.name)


def version(name: str) -> int:
    """Return the version in which `name` is written today: one more than its last retired shape."""
    return 1 + max((v for kind, v in history.RETIRED if kind == name), default=0)


VERSIONS: dict[str, int] = {name: version(name) for name in EVENTS}

# Types that an operator may send to `log.<book>.op.<name>`; every other type is refused there.
OPERATOR_EVENTS = frozenset(name for name, shape in EVENTS.items() if shape.declared.operators)

# Events that explain what one instrument, or the whole book, did.
INSTRUMENT_EVENTS: frozenset[type[Event]] = frozenset(
    shape for shape in SHAPES if shape.declared.timeline == "instrument"
)
BOOK_EVENTS: frozenset[type[Event]] = frozenset(
    shape for shape in SHAPES if shape.declared.timeline == "book"
)

# Events of the life of one order, which their field `order_id` names.
ORDER_EVENTS: frozenset[type[Event]] = frozenset(
    shape for shape in SHAPES if shape.declared.of_order
)
