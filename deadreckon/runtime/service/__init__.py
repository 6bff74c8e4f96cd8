"""The loop of every service: read, decide, commit, recover."""
