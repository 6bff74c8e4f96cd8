"""A what-if as a job of several processes."""
