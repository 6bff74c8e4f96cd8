"""Questions to a finished log: a folder for each question."""
