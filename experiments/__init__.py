"""Data that ships with the project: scenarios ready to run, and published reference measurements."""
