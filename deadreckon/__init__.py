"""Deadreckon: an event-sourced trading stack; its position is known from the log alone."""

__version__ = "0.1.0"
