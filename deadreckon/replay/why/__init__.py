"""The verb `why`: from an event back to its causes and forward to its effects."""
