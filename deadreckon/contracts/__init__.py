"""Facts that others read: events, envelope, codec, subjects, publishers, inbound formats."""
