"""Readers of failure logs: from text or columns to entries, pure."""
