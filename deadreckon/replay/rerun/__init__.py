"""Decision replay: what was asked once is asked again, and the answers are compared."""
