"""Campaigns on the screen, as JSON, as a picture, and in files."""
