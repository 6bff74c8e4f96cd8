"""History in files: what the log said, sealed so that nobody can change it unseen."""
