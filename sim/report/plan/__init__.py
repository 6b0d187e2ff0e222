"""Screens of `plan`."""
