"""What may be said: pure data, importing msgspec and nothing else."""
