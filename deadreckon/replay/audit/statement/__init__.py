"""The PnL statement as a document that opens: every figure with the places in the log behind it."""
