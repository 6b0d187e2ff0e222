"""The screen and the picture of `sensitivity`."""
