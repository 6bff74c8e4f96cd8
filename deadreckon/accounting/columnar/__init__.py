"""Positions and PnL of millions of fills, folded as columns."""
