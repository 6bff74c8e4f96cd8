"""Crash test: kills a whole stack at every step, and counts what was lost or doubled."""
