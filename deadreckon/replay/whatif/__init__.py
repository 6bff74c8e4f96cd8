"""What a day would have come to under other limits, parameters, fees or strategies."""
