"""Fabrics and the insides of nodes."""
