"""Fits of levels and bands find what made the data, and no fold sees itself."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from experiments.fit_bands import bands_text, checks, meant, residuals_of
from experiments.fit_levels import Case, anchored, design, fit, left_out, source_weights

COMMON, STACKS = -0.2, {"quick": 0.1, "even": 0.0, "slow": -0.1}


def case(source: str, sweep: str, stack: str, noise: float = 0.0, **changes: object) -> Case:
    plain = Case(
        name=f"{source}-{sweep}",
        source=source,
        sweep=sweep,
        kind="dense 16-bit",
        gpus=8,
        stack=stack,
        group="hopper 16-bit",
        log_error=COMMON + STACKS.get(stack, 0.0) + noise,
        kernels=1.0,
        experts=0.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def world(noise: float, seed: int = 1) -> list[Case]:
    """Return four sources of each of three stacks, each of three sweeps of two rows."""
    rng = np.random.default_rng(seed)
    return [
        case(f"{stack}{source}", f"{stack}{source}{sweep}", stack, float(rng.normal(0, noise)))
        for stack, source, sweep, _ in product(STACKS, range(4), range(3), range(2))
    ]


def levels_of(cases: list[Case], shrinkage: float) -> dict[str, float]:
    matrix, names = design(cases)
    errors = np.array([each.log_error for each in cases])
    return dict(zip(names, fit(matrix, errors, source_weights(cases), shrinkage).tolist(), strict=True))


def test_a_fit_finds_the_levels_that_made_the_errors() -> None:
    found = levels_of(world(0.0), 1e-4)
    for stack, level in STACKS.items():
        total = found["common"] + found[f"stack {stack}"] + found["group hopper 16-bit"]
        assert total == pytest.approx(COMMON + level, abs=1e-3)


def test_shrinkage_holds_stacks_to_the_common_level() -> None:
    loose, tight = (levels_of(world(0.0), shrinkage) for shrinkage in (1.0, 1e6))
    assert abs(tight["stack quick"]) < 1e-3 < loose["stack quick"]
    assert tight["common"] == pytest.approx(COMMON, abs=1e-3)


def test_one_row_far_off_hardly_moves_a_level() -> None:
    cases = world(0.0)
    off = [*cases[:-1], replace(cases[-1], log_error=5.0)]
    before, after = levels_of(cases, 1.0), levels_of(off, 1.0)
    assert after["common"] - before["common"] < 0.05


@pytest.mark.parametrize("by", ["source", "sweep", "stack"])
def test_a_row_is_predicted_without_its_fold(by: str) -> None:
    cases = world(0.02)
    fold = getattr(cases[0], by)
    changed = [replace(each, log_error=each.log_error + (getattr(each, by) == fold)) for each in cases]
    before, after = left_out(cases, by), left_out(changed, by)
    inside = np.array([getattr(each, by) == fold for each in cases])
    # Levels without the fold did not move: all of what was added remains as error.
    assert after[inside] - before[inside] == pytest.approx(1.0)


def test_anchors_are_the_first_rows_of_named_sweeps() -> None:
    cases = [
        case("a", "s", "quick", 0.1),
        case("a", "s", "quick", 0.3),
        case("b", "b", "quick", 9.0),
        case("c", "t", "slow", 1.0),
    ]
    found = anchored(cases, np.array([each.log_error for each in cases]))
    assert found[1] == pytest.approx(0.2)
    assert np.isnan(found[[0, 2, 3]]).all()


def test_a_fold_counts_only_where_its_source_or_stack_goes_on_without_it() -> None:
    cases = [case("a", "s", "quick"), case("a", "t", "quick"), case("b", "u", "quick"), case("c", "v", "slow")]
    assert meant(cases, "same source") == [True, True, False, False]
    assert meant(cases, "known stack") == [True, True, True, False]
    assert meant(cases, "new stack") == [True] * 4


def test_a_new_stack_is_predicted_worse_than_a_known_one() -> None:
    spread = {
        name: np.std([each.log_error for each in residuals_of(world(0.01), name)["dense 16-bit"]])
        for name in ("known stack", "new stack")
    }
    assert spread["new stack"] > 3 * spread["known stack"]


def test_bands_hold_about_their_share_of_what_they_never_saw() -> None:
    [narrow, wide] = checks(world(0.05), "known stack")["dense 16-bit"]
    assert 0.6 < narrow.by_fold < wide.by_fold <= 1


def test_the_file_of_bands_names_every_kind_and_the_same_cases_give_the_same_text() -> None:
    text = bands_text(world(0.05))
    assert text == bands_text(world(0.05))
    for familiarity in ("same source", "known stack", "new stack"):
        for percent in ("80", "95"):
            assert f'[band."dense 16-bit"."{familiarity}"."{percent}"]' in text
