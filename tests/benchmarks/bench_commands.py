"""Whole commands as a user waits for them, in seconds and as multiples of starting Python with numpy."""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter


def measure() -> dict[str, float]:
    """Return the best of three of each command."""
    with tempfile.TemporaryDirectory() as folder:
        out = ["--out", str(Path(folder) / "results"), "--force"]
        commands = {
            "trainwright --help": ["-m", "sim.cli", "--help"],
            "trainwright step llama3-405b": ["-m", "sim.cli", "step", "llama3-405b"],
            "trainwright run llama3-405b-54d": ["-m", "sim.cli", "run", "llama3-405b-54d", *out],
        }
        start_s = _best(["-c", "import numpy"])
        results = {"python -c 'import numpy': seconds": start_s}
        for name, arguments in commands.items():
            seconds = _best(arguments)
            results |= {f"{name}: seconds": seconds, f"{name}: times starting numpy": seconds / start_s}
        return results


def _best(arguments: list[str]) -> float:
    times = []
    for _ in range(3):
        start = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(perf_counter() - start)
    return min(times)
