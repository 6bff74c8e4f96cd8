"""Processes that run together: started, watched, stopped."""
