"""Bands that ship: one for each kind and familiarity, wider for more coverage; others are errors."""

import tomllib
from importlib.resources import files
from itertools import product

import pytest

from sim.catalog.bands import COVERAGES, band, band_in
from sim.errors import UnknownNameError

KINDS = ("dense 16-bit", "dense 8/4-bit", "MoE")
FAMILIARITY = ("same source", "known stack", "new stack")


@pytest.mark.parametrize(("kind", "familiarity"), list(product(KINDS, FAMILIARITY)))
def test_shipped_bands_hold_one_and_widen_with_coverage(kind: str, familiarity: str) -> None:
    (low, high), (lowest, highest) = (band(kind, familiarity, coverage) for coverage in COVERAGES)
    assert lowest <= low < 1 < high <= highest


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("dense", "new stack", 0.8), "band: unknown kind 'dense'; did you mean 'dense 16-bit'"),
        (("MoE", "new stak", 0.8), "unknown familiarity 'new stak'; did you mean 'new stack'"),
        (("MoE", "new stack", 0.9), "unknown coverage in percent '90'"),
    ],
)
def test_a_band_that_was_not_made_is_an_error(wrong: tuple[str, str, float], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        band(*wrong)


def test_a_coverage_is_named_in_percent() -> None:
    tables = {"MoE": {"new stack": {"95": {"low": 0.5, "high": 2.0}}}}
    assert band_in(tables, "MoE", "new stack", 0.95) == (0.5, 2.0)


@pytest.mark.parametrize(("kind", "familiarity", "coverage"), list(product(KINDS, FAMILIARITY[:2], COVERAGES)))
def test_shipped_bands_held_their_share_of_folds_that_they_never_saw(
    kind: str, familiarity: str, coverage: float
) -> None:
    """Levels, errors and stretch were made without the fold; a new stack has too few folds to say much."""
    table = tomllib.loads((files("sim.catalog") / "data" / "bands.toml").read_text(encoding="utf-8"))["band"]
    held = table[kind][familiarity][f"{100 * coverage:g}"]["held"]
    assert coverage - 0.06 <= held <= 1
