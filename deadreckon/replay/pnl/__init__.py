"""PnL, positions and fees from an archive's columns: the ledger's own figures, at its speed."""
