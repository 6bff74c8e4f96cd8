"""What proves or measures the stack and never runs in it."""
