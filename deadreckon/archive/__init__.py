"""History on disk: sealed segments and their proofs, and archive and log read as one."""
