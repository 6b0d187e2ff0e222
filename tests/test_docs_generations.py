"""What the guide of generations says is so: its presets, bands, options and arithmetic."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from sim.analysis.generations.growth import compute_optimal, doubling_months, grown, yearly
from sim.analysis.generations.simulated import SCALES, SEEDS, WINDOW_GPU_S
from sim.analysis.generations.table import bands, generations
from sim.analysis.sensitivity.elasticity import STEP
from sim.cli import app
from sim.scenario import preset_names

GUIDE = (Path(__file__).parent.parent / "docs" / "generations.md").read_text(encoding="utf-8")
COMMANDS: dict[str, Any] = dict(vars(typer.main.get_command(app))["commands"])


def test_every_generation_is_in_the_table_of_presets() -> None:
    table = GUIDE.partition("| preset |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) == {each.preset for each in generations()} <= set(preset_names())


@pytest.mark.parametrize("command", ["generations", "sensitivity"])
def test_every_option_that_the_guide_names_exists(command: str) -> None:
    known = {name for each in COMMANDS.values() for option in each.params for name in option.opts}
    assert set(re.findall(r"--[a-z]+", GUIDE)) <= known
    assert command in COMMANDS


def test_rates_seeds_window_and_step_are_those_of_the_code() -> None:
    assert f"two seeds and four rates of failure ({SCALES[0]} to {SCALES[-1]} times its own)" in GUIDE
    assert (SEEDS, len(SCALES), WINDOW_GPU_S, STEP) == (2, 4, 3e6 * 86_400, 0.1)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("failures", "x0.36 to 2.78"),
        ("compute", "x0.33 to 3"),
        ("hardware", "x0.5 to 2"),
        ("hardware, TPU", "x0.25 to 4"),
        ("rent", "x0.67 to 1.69"),
        ("electricity", "x0.6 to 1.7"),
        ("PUE", "1.05 to 1.16"),
        ("PUE, others", "1.12 to 1.40"),
        ("people", "x0.46 to 1.77"),
    ],
)
def test_bands_are_those_of_the_table(name: str, told: str) -> None:
    low, high = (float(number) for number in re.findall(r"[\d.]+", told))
    assert (bands()[name].low, bands()[name].high) == (low, high)
    assert told in GUIDE


def test_the_arithmetic_holds() -> None:
    assert round(yearly(1000, 85e6, 6), 1) == 6.6
    assert round(doubling_months(2.4), 1) == 9.5
    assert round(grown(930, 2.4, 6), -3) == 178_000
    once, tenfold = compute_optimal(1e24), compute_optimal(1e25)
    assert [round(b / a, 2) for a, b in zip(once, tenfold, strict=True)] == [3.16, 3.16]
