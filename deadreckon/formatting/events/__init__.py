"""What each event says, in plain words that a trader reads; one module a noun."""

from deadreckon.formatting.events.descriptions import DESCRIPTIONS, describe

__all__ = ["DESCRIPTIONS", "describe"]
