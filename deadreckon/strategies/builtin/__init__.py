"""The strategies that come with the stack."""
