"""The market as data: tapes, and the files they are made from."""
