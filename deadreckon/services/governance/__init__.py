"""Governance: refuses malformed operator messages, halts on damage or poor performance."""
