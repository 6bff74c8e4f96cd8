"""What to want: the strategy protocol, its registry, the built-in strategies."""
