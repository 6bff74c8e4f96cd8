"""Publishers of the log: a folder for each service that signs events."""
