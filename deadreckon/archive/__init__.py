"""The log that is over: sealed segments, their proofs, and archive and log read as one."""
