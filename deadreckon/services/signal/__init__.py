"""Signal: raises the signals of producers and of its own strategies for risk to check."""
