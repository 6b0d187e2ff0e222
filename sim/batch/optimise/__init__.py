"""The best values of some keys of a scenario: knobs, what a point comes to, and scipy's search among them."""
