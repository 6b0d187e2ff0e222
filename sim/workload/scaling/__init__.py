"""Scaling laws: the loss of a model by its parameters and tokens, and the best of both for a given compute."""
