"""Numbers learned from the market: for each kind of model its features, fit and filter."""
