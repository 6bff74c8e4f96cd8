"""What is held, what it cost and what it is worth: accounting, the ledger, and who announces it."""
