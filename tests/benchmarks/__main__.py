"""`make bench`: run every bench_*.py of this folder and print what its measure() returns."""

from importlib import import_module
from pathlib import Path


def main() -> None:
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        for name, value in import_module(f"tests.benchmarks.{path.stem}").measure().items():
            print(f"{name:<72} {value:>14,.4g}", flush=True)


if __name__ == "__main__":
    main()
