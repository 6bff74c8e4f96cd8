"""What the events add up to: tables, sinks, metrics, live view, queries."""
