"""The simulated exchange and its adapter."""
