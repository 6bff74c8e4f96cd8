"""`analytics.duckdb`: SQL views and macros over the lake."""
