"""Batches: progress, status and results."""
