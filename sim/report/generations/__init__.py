"""The screen and the picture of `generations`."""
