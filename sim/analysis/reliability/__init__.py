"""Closed forms, other simulators and published cases of reliability beside what the run engine simulates."""
