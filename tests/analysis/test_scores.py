"""Scores, by hand."""

import pytest

from sim.analysis.scores import (
    alike,
    anchored_mape,
    by_sweep,
    pairs_in_order,
    rank_correlation,
    score,
    slope_per_doubling,
)
from sim.analysis.training import order, training_answer
from sim.errors import InputError


def answer(measured: float, simulated: float, **more: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "id": "x",
        "source": "s",
        "model": "m",
        "gpu": "H100",
        "gpus": 8,
        "precision": "bf16",
        "kind": "dense 16-bit",
        "sweep": "a",
        "global_batch": 8,
        "sequence": 2048,
        "excluded": None,
        "software": "megatron-core-2024",
        "measured": measured,
        "simulated": simulated,
        "error": simulated / measured - 1,
    }
    return plain | more


def test_scores_of_errors() -> None:
    found = score([-0.2, 0.1, 0.0, 0.3])
    assert found["mape"] == pytest.approx(0.15)
    assert found["median"] == pytest.approx(0.15)
    assert found["bias"] == pytest.approx(0.05)
    assert found["count"] == 4


def test_a_slope_is_that_within_sweeps_whatever_their_levels() -> None:
    rows = [answer(1.0, 1.0 * 1.1**i, gpus=8 * 2**i) for i in range(4)]
    rows += [answer(1.0, 5.0 * 1.1**i, gpus=8 * 2**i, sweep="b") for i in range(3)]
    slope = slope_per_doubling(rows)
    assert slope == pytest.approx(0.0953, abs=1e-4)


def test_without_two_sizes_there_is_no_slope() -> None:
    assert slope_per_doubling([answer(1.0, 1.0), answer(1.0, 2.0)]) is None


def test_pairs_that_differ_by_less_than_5_percent_have_no_order() -> None:
    rows = [answer(1.0, 3.0), answer(1.04, 2.0), answer(2.0, 4.0)]
    assert pairs_in_order(rows) == (2, 2)


def test_layouts_are_compared_within_one_job() -> None:
    rows = [answer(1.0, 1.0), answer(2.0, 2.0), answer(9.0, 1.0, gpus=16), answer(9.0, 1.0, global_batch=64)]
    assert [len(job) for job in alike(rows).values()] == [2]
    found = order(rows)
    assert (found["pairs"], found["share"], found["first_over_best"]) == (1, 1.0, 0.0)


def test_the_choice_costs_what_the_layout_ranked_first_takes_over_the_best() -> None:
    assert order([answer(1.0, 2.0), answer(1.5, 1.0)])["first_over_best"] == pytest.approx(0.5)


def test_an_anchor_takes_the_level_away() -> None:
    assert anchored_mape([answer(1.0, 1.5), answer(2.0, 3.0), answer(4.0, 6.6)]) == pytest.approx(0.05)


def test_rank_correlation_of_one_value_is_none_to_be_wrong_about() -> None:
    assert rank_correlation([1.0, 1.0], [1.0, 2.0]) == 1.0
    assert rank_correlation([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == -1.0


def test_a_sweep_has_two_rows_at_least() -> None:
    rows = [answer(1, 1, sweep=sweep) for sweep in ("a", "b", "b", "")]
    assert list(by_sweep(rows)) == ["b"]


def test_rows_shown_apart_are_left_out_of_the_scores_and_not_of_all() -> None:
    found = training_answer(
        [answer(1.0, 1.1), answer(1.0, 2.0, excluded="impossible"), {"id": "y", "source": "s", "skipped": "why"}]
    )
    assert found["mape"] == pytest.approx(0.1)
    assert found["all"]["mape"] == pytest.approx(0.55)
    assert [row["reason"] for row in found["skipped"]] == ["why"]


def test_without_a_row_the_reasons_are_the_error() -> None:
    with pytest.raises(InputError, match="no row can be simulated: no step time \\(1\\)"):
        training_answer([{"id": "y", "source": "s", "skipped": "no step time"}])
