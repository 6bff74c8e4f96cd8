"""From an approved wish to orders in a venue's own terms."""
