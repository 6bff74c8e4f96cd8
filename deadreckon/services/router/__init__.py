"""Routing of an approved order into orders in a venue's own terms."""
