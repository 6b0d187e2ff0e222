"""Plain runs, which `make compile` compiles."""

from pathlib import Path

from sim.compiled import paths

__path__[:0] = paths(Path(__file__).parent)
