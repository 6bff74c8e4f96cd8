"""Columnar accounting: positions and PnL of millions of fills, computed on arrays."""
