"""What only proves or measures the stack: bench, crash test, drill, conformance, documents."""
