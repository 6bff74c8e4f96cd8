"""The nats-server a stack starts itself, its accounts, credentials and rights."""
