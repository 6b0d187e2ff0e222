"""Comparisons of runs that a horizon ends, lists of variants, and the places of names in pictures."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.batch.compare import Comparison, compare
from sim.batch.variants import axis_of, variants_of
from sim.report.comparison.comparison import comparison_json
from sim.report.comparison.comparison_report import comparison_report
from sim.report.comparison.label_places import LETTER, label_places
from sim.report.comparison.pareto_picture import _amounts, pareto_picture
from sim.report.text import listed

HORIZON = "run.horizon=12 h"


def to_horizon(*over: str, base: str = "tiny", more: tuple[str, ...] = ()) -> Comparison:
    variants = variants_of([axis_of(text) for text in over])
    return compare(base, variants, overrides=(HORIZON, *more), replicas=2, workers=1)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return to_horizon("failures.scale=1,10,30")


@pytest.fixture(scope="module")
def answer(comparison: Comparison) -> dict[str, Any]:
    return comparison_json(comparison)


def texts_of(picture: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def across(picture: str) -> list[float]:
    return [float(each.attrib["cx"]) for each in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}circle")]


def test_runs_that_a_horizon_ends_are_set_against_the_tokens_that_they_retained(
    comparison: Comparison, answer: dict[str, Any]
) -> None:
    assert {end for each in comparison.measured for end in each.samples["wall_time_s"]} == {43200.0}
    assert answer["against"] == "tokens"
    tokens = [each.mean for each in comparison.estimates("tokens")]
    assert len(set(tokens)) == 3
    places = across(pareto_picture(answer))
    assert sorted(range(3), key=lambda i: places[i]) == sorted(range(3), key=lambda i: tokens[i])


def test_more_tokens_are_better_on_the_front(comparison: Comparison, answer: dict[str, Any]) -> None:
    most = max(comparison.measured, key=lambda each: sum(each.samples["tokens"]))
    assert most.variant.name in answer["pareto"]
    assert answer["best_by"]["tokens"] == most.variant.name


def test_the_picture_labels_its_axes_and_says_why_time_is_not_across(answer: dict[str, Any]) -> None:
    said = texts_of(pareto_picture(answer))
    assert {"tokens retained", "USD per trillion tokens"} <= set(said)
    assert "All runs end at their horizon, after 12 h: across is what they had retained by then." in said


def test_the_screen_shows_tokens_instead_of_what_all_runs_share(answer: dict[str, Any]) -> None:
    text = comparison_report(answer)
    head = next(line for line in text.splitlines() if "vs the first" in line)
    assert head.split() == ["MFU", "eff.", "tokens", "USD/T", "tokens", "vs", "the", "first"]
    assert "All runs end at their horizon, after 12 h; all have step" in text
    assert max(map(len, text.splitlines())) <= 80


def test_where_nothing_is_billed_the_part_of_time_that_was_retained_ranks_runs_to_a_horizon() -> None:
    over, work = "recovery.detect=1 min,30 min,2 h", ("failures.scale=50",)
    found = comparison_json(to_horizon(over, base="experiments/validation/airesim-s1.toml", more=work))
    assert (found["headline"], found["best"], found["against"]) == ("ettr", "1 min", "wall_time_s")
    assert "* most ETTR: 1 min" in comparison_report(found)
    assert "Better is further left and higher" in pareto_picture(found)


def test_a_variant_that_retains_nothing_is_not_the_best_for_costing_least() -> None:
    found = comparison_json(to_horizon("failures.scale=1,20,60"))
    assert (found["headline"], found["against"], found["best"]) == ("ettr", "cost_usd", "1")
    assert found["best_by"]["cost_usd"] == "60"
    assert "across is what they had cost by then" in pareto_picture(found)


def test_runs_that_end_when_they_are_done_keep_time_across() -> None:
    found = comparison_json(compare("tiny", variants_of([axis_of("failures.scale=1,3")]), replicas=2, workers=1))
    assert found["against"] == "wall_time_s"
    assert not any("horizon" in line for line in texts_of(pareto_picture(found)))


def test_a_list_of_names_with_commas_is_parted_by_semicolons() -> None:
    assert listed(["a=1, b=2", "a=2, b=3"]) == "a=1, b=2; a=2, b=3"
    studies = Path(__file__).parents[2] / "experiments" / "studies"
    told = comparison_report(json.loads((studies / "spares-or-elastic-2k" / "comparison.json").read_text()))
    assert "Not beaten in both dollars a token and time: elastic, 3; 8 spares" in told
    decides = told[told.index("What decides") :].splitlines()[:3]
    assert decides[1:] == ["  server for 8 spares", "  step for elastic, 1; elastic, 0; at once, 0"]


def test_a_name_goes_left_of_its_dot_where_the_drawing_ends() -> None:
    ((left, _),) = label_places(["a long name"], [(395.0, 50.0)], [], 0, 400)
    assert left + LETTER * len("a long name") < 395


@given(st.integers(0, 9), st.integers(-3, 9), st.integers(1, 9999))
def test_ticks_are_shown_as_they_are(first: int, power: int, step: int) -> None:
    values = [(first + step * index) * 10.0**power for index in range(4)]
    assert len(set(_amounts("tokens", values))) == 4
    for value, shown in zip(values, _amounts("tokens", values), strict=True):
        number, _, prefix = shown.partition(" ")
        assert float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[prefix] == pytest.approx(value)
