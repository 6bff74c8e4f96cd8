"""The verb `whynot`: the outcome of each event in a window for every strategy, order and rule."""
