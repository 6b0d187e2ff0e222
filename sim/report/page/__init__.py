"""A run on one self-contained page: what it cost, where the time went, when, and why."""
