"""`dr replay rerun`: a folder's log put again to the deciders of this or of another revision."""
