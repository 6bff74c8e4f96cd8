"""Descriptions of events in one line for people: a module for each kind of event."""

from deadreckon.formatting.events.descriptions import DESCRIPTIONS, describe

__all__ = ["DESCRIPTIONS", "describe"]
