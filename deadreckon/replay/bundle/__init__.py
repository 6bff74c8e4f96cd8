"""`dr replay bundle` and `dr replay open`: one decision in a file, and the same decision again."""
