"""Choices of what to want: the strategy protocol, the registry, the built-in strategies.

A strategy of your own needs these names alone; docs/strategies.md shows one.
"""

from msgspec import Struct

from deadreckon.contracts.event import Recorded
from deadreckon.contracts.market import BarClosed
from deadreckon.models.hmm.training import HmmTraining
from deadreckon.strategies.parameters import EntryParameters, parameter
from deadreckon.strategies.strategy import NO_DECISION, Decision, Explanation, Strategy

__all__ = [
    "NO_DECISION",
    "BarClosed",
    "Decision",
    "EntryParameters",
    "Explanation",
    "HmmTraining",
    "Recorded",
    "Strategy",
    "Struct",
    "parameter",
]
