"""Signal: what producers wish and what our own strategies see becomes a wish for risk to weigh."""
