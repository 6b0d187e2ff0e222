"""How the answers of `interval` are shown: the screen and the picture."""
