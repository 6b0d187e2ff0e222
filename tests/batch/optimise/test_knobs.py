"""Knobs: ranges with units, whole numbers and scales, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.batch.optimise.knobs import knob_of, knobs_of, overrides_of, value_of, written
from sim.errors import InputError
from sim.quantities import parse
from sim.scenario import load_scenario


def test_ends_of_a_range_may_have_different_units_of_one_dimension() -> None:
    knob = knob_of("checkpoint.interval.every=30 s..1 h")
    assert (knob.low, knob.high, knob.unit, knob.log) == (30.0, 3600.0, "s", True)
    bandwidth = knob_of("x=1GB/s..0.1TB/s")
    assert (bandwidth.high, bandwidth.unit, bandwidth.log) == (100.0, "GB/s", False)


def test_half_way_on_a_logarithmic_scale_is_the_geometric_mean() -> None:
    assert value_of(knob_of("a=2 min..50 min"), 0.5) == 10.0
    assert value_of(knob_of("a=1..100:log"), 0.5) == 10.0
    assert value_of(knob_of("a=0..100"), 0.5) == 50.0


@given(place=st.floats(-1, 2), log=st.booleans())
def test_a_point_lies_on_its_range_and_is_whole_where_it_must(place: float, log: bool) -> None:
    knob = knob_of(f"n=1..48:int{':log' if log else ''}")
    value = value_of(knob, place)
    assert 1 <= value <= 48 and value.is_integer()
    assert written(knob, value) == str(int(value))


@given(place=st.floats(0, 1))
def test_what_is_written_is_the_value(place: float) -> None:
    knob = knob_of("checkpoint.interval.every=2 min..2 h")
    value = value_of(knob, place)
    assert parse(written(knob, value), "time") == pytest.approx(60 * value)


def test_a_point_is_set_as_overrides_that_a_scenario_takes() -> None:
    knobs = knobs_of(["checkpoint.interval.every=2min..1h", "cluster.spare_nodes=0..4:int"])
    scenario = load_scenario("tiny", overrides_of(knobs, (7.5, 3.0)))
    assert scenario.machines.spare_nodes == 3
    assert scenario.checkpoint is not None and "450" in str(scenario.checkpoint)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cluster.spare_nodes", "expected KEY=LOW..HIGH"),
        ("cluster.spare_nodes=4", "expected KEY=LOW..HIGH"),
        ("n=4..2", "expected the lower end first"),
        ("n=4..4", "expected the lower end first"),
        ("n=0.5..4:int", "a whole number lies between two"),
        ("n=0..4:log", "begins above 0"),
        ("n=0..4:whole", "expected :int or :log"),
        ("n=a..4", "expected a number"),
        ("n=1 min..4", "one end has a unit"),
        ("n=0..4 min", "one end has a unit"),
        ("n=1 min..4 GB", "GB"),
        ("n=1 blink..4 wink", "unknown unit 'blink'"),
    ],
)
def test_what_is_no_range_is_refused_in_a_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        knob_of(text)
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_no_knobs_and_one_key_twice_are_refused() -> None:
    with pytest.raises(InputError, match="is missing"):
        knobs_of([])
    with pytest.raises(InputError, match="given twice"):
        knobs_of(["n=1..2", "n=3..4"])
