"""Results of a day under other limits, parameters, fees or strategies: what-if runs."""
