"""Choices of what to want: the strategy protocol, the registry, the built-in strategies."""
