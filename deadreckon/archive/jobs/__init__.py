"""Jobs on a log and its archive: seal, prune, roll over, back up."""
