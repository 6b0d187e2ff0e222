"""`sensitivity`: how the cost and the end of a run move with what it is made of."""
