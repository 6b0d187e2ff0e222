"""How others put a cost on a run, as views on the same one: Epoch's methods, model cards, dollars a GPU-hour."""
