"""The log of the present: NATS and the disk, the loop of a service, servers and processes."""
