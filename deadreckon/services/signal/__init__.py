"""Signal: raises the signals of producers and of in-house strategies for risk to check."""
