"""Inverse questions: which model, GPUs and layout fit a budget, a deadline, a loss or a power."""
