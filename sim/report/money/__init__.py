"""Bills: tables, repricing, and what explains them."""
