"""Arithmetic on money: positions, ledger, equity, PnL, halts in force; exact and pure."""
