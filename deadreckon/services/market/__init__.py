"""The market edge: plays a tape into the log."""
