"""What the market did, as data: tapes and the files they are made from."""
