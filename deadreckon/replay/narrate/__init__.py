"""The log told as a story."""
