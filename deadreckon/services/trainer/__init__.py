"""Trainer: decides when a strategy's model is fitted again; the fit itself is a job."""
