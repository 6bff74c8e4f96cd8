"""Protocols of other firms: the port that every venue adapter fills, and an adapter each."""
