"""The DuckDB file of views over the lake."""
