"""A run on the screen, as JSON, as pictures, and on disk."""
