"""The front door: one file per verb group, no logic."""
