"""What each event says, in plain words that a trader reads; one module a noun."""

from deadreckon.formatting.events.descriptions import WORDS, tell

__all__ = ["WORDS", "tell"]
