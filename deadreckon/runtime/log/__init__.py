"""The log: append behind a fence, read without a hole; NATS JetStream or memory."""
