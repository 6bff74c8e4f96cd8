"""The metrics of a past day."""
