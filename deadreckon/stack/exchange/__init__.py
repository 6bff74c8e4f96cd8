"""A small exchange that does not forgive, as a process of its own: what the venue edge is tried on."""
