"""Kills a whole stack, everywhere, and counts what was lost or doubled."""
