"""The order table, the paper venue, brackets and halts."""
