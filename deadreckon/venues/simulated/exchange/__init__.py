"""Simulated exchange with faults, a process of its own to test the venue edge on."""
