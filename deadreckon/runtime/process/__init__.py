"""A process and its folder: children, signals, locks, log lines."""
