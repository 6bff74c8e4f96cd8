"""Who speaks: deciders and edges."""
