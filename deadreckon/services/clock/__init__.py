"""Clock edge: the time source of a stack that does not play a tape."""
