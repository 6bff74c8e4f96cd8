"""Where the rows of tables are kept: the SQLite audit book and the Parquet lake."""
