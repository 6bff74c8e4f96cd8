"""The verb `asof`: the book as it was known at a time, sequence or event of the log
(docs/replay.md)."""

from deadreckon.replay.asof.answer import BookAsof, KnownAs, LateEvent, asof
from deadreckon.replay.asof.document import AsofDocument, BookDocument
from deadreckon.replay.asof.fold import BookState, evolve, halts_in_force, initial
from deadreckon.replay.asof.log_point import LogPointError, parse_log_point
from deadreckon.replay.asof.report import book_at, document

__all__ = [
    "AsofDocument",
    "BookAsof",
    "BookDocument",
    "BookState",
    "KnownAs",
    "LateEvent",
    "LogPointError",
    "asof",
    "book_at",
    "document",
    "evolve",
    "halts_in_force",
    "initial",
    "parse_log_point",
]
