"""Commands and tables of the terminal: a file for each verb."""
