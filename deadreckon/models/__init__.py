"""What was learned from the market: features, and for each kind of model its fit and its filter."""
