"""How it runs: the only code that knows NATS."""
