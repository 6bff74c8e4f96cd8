"""Proofs and measurements of the stack: bench, crash test, drill, conformance, documents."""
