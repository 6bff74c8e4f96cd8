"""Trainer: the edge that learns regime models from closed bars and records what it learnt."""
