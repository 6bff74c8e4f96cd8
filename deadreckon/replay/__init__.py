"""Does it still hold: audit, tapes, statements."""
