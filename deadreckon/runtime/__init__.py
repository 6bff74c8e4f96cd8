"""Everything that touches NATS or the disk of the log: log, service loop, server, processes."""
