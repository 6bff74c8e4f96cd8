"""Portfolio: announces changes of positions, funding and equity."""
