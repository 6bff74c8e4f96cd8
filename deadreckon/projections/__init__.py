"""What it adds up to: rows and folds, and the sinks that keep them."""
