"""Why nothing happened: what every strategy, order and rule made of each event of a window."""
