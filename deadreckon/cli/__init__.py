"""What a person types and reads in a terminal: a file for each verb."""
