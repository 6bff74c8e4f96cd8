"""The PnL statement of a day, from the log alone."""
