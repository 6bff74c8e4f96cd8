"""Descriptions of events in one line for people: a module for each kind of event."""

from deadreckon.formatting.events.descriptions import DESCRIPTIONS, describe, describe_briefly
from deadreckon.formatting.events.style import RoundedStyle, ShortStyle, Style

__all__ = [
    "DESCRIPTIONS",
    "RoundedStyle",
    "ShortStyle",
    "Style",
    "describe",
    "describe_briefly",
]
