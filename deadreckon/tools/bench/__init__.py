"""Measurements of the stack, each next to the machine's limit from the same run."""
