"""Events added up to rows: tables, sinks, metrics, live view, queries."""
