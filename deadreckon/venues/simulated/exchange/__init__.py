"""A small exchange that does not forgive, as a process of its own, to try the venue edge on."""
