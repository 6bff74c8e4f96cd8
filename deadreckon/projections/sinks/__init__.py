"""Storage of table rows: the SQLite audit database and the Parquet lake."""
