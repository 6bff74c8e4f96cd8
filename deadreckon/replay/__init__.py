"""Questions to a finished log: one folder for each question."""
