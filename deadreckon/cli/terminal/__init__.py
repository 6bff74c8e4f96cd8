"""Tables and the live dashboard of a terminal."""
