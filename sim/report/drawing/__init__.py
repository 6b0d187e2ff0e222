"""Drawings of fabrics as SVG, written by hand: tiers, grids, rings and groups."""
