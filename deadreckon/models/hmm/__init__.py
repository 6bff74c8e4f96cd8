"""Hidden-Markov regime models: features, fit and forward filter."""
