"""The full PnL statement: every figure with the events of the log behind it."""
