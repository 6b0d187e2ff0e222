"""Variants of a job beside each other, and the best of a search."""
