"""The book as it was known at any time, sequence or event of the log; docs/replay.md says how."""

from deadreckon.replay.asof.answer import Asof, Known, LateEvent, asof
from deadreckon.replay.asof.document import book_at, document
from deadreckon.replay.asof.fold import BookState, evolve, halts_in_force, initial
from deadreckon.replay.asof.log_point import PlaceError, parse_place

__all__ = [
    "Asof",
    "BookState",
    "Known",
    "LateEvent",
    "PlaceError",
    "asof",
    "book_at",
    "document",
    "evolve",
    "halts_in_force",
    "initial",
    "parse_place",
]
