"""What to want: the strategy protocol, the registry, the built-in strategies."""
