"""The clock edge: the time of a stack that plays no tape."""
