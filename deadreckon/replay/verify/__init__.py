"""Projections compared with a fresh fold of the log."""
