"""Figures and events written for people; the unit of every rule, once."""
