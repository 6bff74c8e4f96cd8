"""What is typed and read in a terminal: one file for each verb."""
