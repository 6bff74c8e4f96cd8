"""Metrics as a fold of the log, and their exposition to Prometheus."""
