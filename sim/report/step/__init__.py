"""One optimizer step: its screen, its pictures, its trace."""
