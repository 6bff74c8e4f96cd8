"""What a person watches while the stack runs."""
