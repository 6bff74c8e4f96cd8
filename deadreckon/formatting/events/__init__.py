"""What each event says, in plain words that a trader reads; one module a noun."""

from deadreckon.replay.words.lexicon import WORDS, tell

__all__ = ["WORDS", "tell"]
