"""Scores by hand."""

from math import log
from typing import Any

import pytest

from sim.analysis.scores import (
    alike,
    anchored_mape,
    by_sweep,
    groups,
    pairs_in_order,
    rank_correlation,
    score,
    slope_per_doubling,
    sweep_scores,
)
from sim.analysis.training import order, training_answer
from sim.errors import InputError


def answer(name: str, measured: float, simulated: float, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "source": "Somebody",
        "model": "Small",
        "gpu": "H100",
        "gpus": 8,
        "precision": "bf16",
        "kind": "dense 16-bit",
        "sweep": "s",
        "global_batch": 8,
        "sequence": 1024,
        "excluded": None,
        "software": "megatron-core-2024",
        "measured": measured,
        "simulated": simulated,
        "error": simulated / measured - 1,
        **more,
    }


def test_errors_are_summed_up_by_size_and_sign() -> None:
    scores = score([-0.2, 0.1, 0.3, 0.0])
    assert scores["count"] == 4
    assert scores["mape"] == pytest.approx(0.15)
    assert scores["median"] == pytest.approx(0.15)
    # Sizes 0, 0.1, 0.2, 0.3: 90 % of the way is at 2.7 steps.
    assert scores["p90"] == pytest.approx(0.27)
    assert scores["bias"] == pytest.approx(0.05)


def test_an_error_that_grows_with_each_doubling_is_found_whatever_the_levels() -> None:
    rows = [
        answer(f"{sweep}{gpus}", 1.0, level * 1.1**doublings, gpus=gpus, sweep=sweep)
        for sweep, level in (("a", 0.5), ("b", 2.0))
        for doublings, gpus in enumerate((8, 16, 32))
    ]
    assert slope_per_doubling(rows) == pytest.approx(log(1.1))


def test_one_size_has_no_slope() -> None:
    assert slope_per_doubling([answer("a", 1, 1), answer("b", 1, 2)]) is None
    assert slope_per_doubling([]) is None


def test_pairs_that_hardly_differ_have_no_order() -> None:
    rows = [answer("a", 1.0, 1.0), answer("b", 1.04, 0.9), answer("c", 1.2, 0.95)]
    # a-b differ by 4 %; a-c is ranked wrong, b-c right.
    assert pairs_in_order(rows) == (1, 2)


def test_the_first_row_of_a_sweep_sets_the_level() -> None:
    rows = [answer("a", 1.0, 2.0), answer("b", 2.0, 4.4), answer("c", 4.0, 6.4)]
    assert anchored_mape(rows) == pytest.approx((0.1 + 0.2) / 2)


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == -1
    # Differences of ranks 1, 1, 0, 0: 1 - 6 x 2 / (4 x 15).
    assert rank_correlation([1, 2, 3, 4], [20, 10, 30, 40]) == pytest.approx(0.8)
    assert rank_correlation([1, 1], [2, 3]) == 1


def test_the_choice_of_the_first_costs_what_it_measured_over_the_best() -> None:
    rows = [answer("a", 1.0, 1.5), answer("b", 1.3, 1.2), answer("c", 2.0, 2.0)]
    assert sweep_scores(rows)["first_over_best"] == pytest.approx(0.3)


def test_a_sweep_has_two_rows_at_least_and_a_name() -> None:
    rows = [answer("a", 1, 1), answer("b", 1, 1), answer("c", 1, 1, sweep="lone"), answer("d", 1, 1, sweep="")]
    assert {name: [row["id"] for row in sweep] for name, sweep in by_sweep(rows).items()} == {"s": ["a", "b"]}


def test_layouts_of_one_job_do_the_same_work_on_the_same_gpus() -> None:
    rows = [answer("a", 1, 1), answer("b", 1, 1), answer("c", 1, 1, gpus=16), answer("d", 1, 1, global_batch=16)]
    assert [[row["id"] for row in job] for job in alike(rows).values()] == [["a", "b"]]


def test_order_of_layouts_is_counted_over_jobs() -> None:
    rows = [
        answer("a", 1.0, 1.0),
        answer("b", 2.0, 2.0),
        answer("c", 1.0, 2.0, gpus=16),
        answer("d", 1.1, 1.0, gpus=16),
    ]
    found = order(rows)
    assert (found["jobs"], found["pairs"], found["pairs_in_order"], found["share"]) == (2, 2, 1, 0.5)
    assert found["first_over_best"] == pytest.approx(0.1)


def test_groups_part_the_rows() -> None:
    rows = [answer("a", 1, 1.1), answer("b", 1, 1, gpu="A100", gpus=4096), answer("c", 1, 1.3)]
    found = groups(rows)
    assert {name: sum(each["count"] for each in group.values()) for name, group in found.items()} == dict.fromkeys(
        found, 3
    )
    assert found["gpu"]["H100"]["bias"] == pytest.approx(0.2)
    assert found["scale"]["above 1,024 GPUs"]["count"] == 1


def test_rows_that_stand_apart_count_in_all_only_and_skipped_ones_nowhere() -> None:
    rows = [answer("a", 1, 1.1), answer("b", 1, 3.0, excluded="why"), {"id": "c", "source": "x", "skipped": "gone"}]
    found = training_answer(rows)
    assert (found["count"], found["mape"]) == (1, pytest.approx(0.1))
    assert (found["all"]["count"], found["all"]["mape"]) == (2, pytest.approx(1.05))
    assert found["skipped"] == [{"id": "c", "source": "x", "reason": "gone"}]
    assert [row["id"] for row in found["rows"]] == ["a", "b"]


def test_a_file_of_which_nothing_can_be_simulated_is_an_error_with_the_reasons() -> None:
    with pytest.raises(InputError, match=r"no row can be simulated: gone \(2\)"):
        training_answer([{"id": name, "source": "x", "skipped": "gone"} for name in "ab"])
    with pytest.raises(InputError, match="the file holds none"):
        training_answer([])
