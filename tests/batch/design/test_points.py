"""Axes of a study: grids, ranges, samples, keys that go together, and axes that are there under a condition."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.batch.design.forms import SpacedForm
from sim.batch.design.ranges import spaced
from sim.batch.design.samples import Points, latin_hypercube, sobol
from sim.batch.study import Study, load_study
from sim.errors import InputError

HEAD = 'name = "s"\nquestion = "which?"\nbase = "tiny"\n'


def study(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "study.toml"
    path.write_text(HEAD + text)
    return load_study(str(path), least=1)


def overrides(tmp_path: Path, text: str) -> list[tuple[str, ...]]:
    return [each.overrides for each in study(tmp_path, text).variants]


def test_without_axes_the_base_is_the_only_variant(tmp_path: Path) -> None:
    assert [(each.name, each.overrides) for each in study(tmp_path, "").variants] == [("base", ())]


def test_a_log_range_has_equal_ratios_and_both_ends(tmp_path: Path) -> None:
    text = '[[axes]]\nkey = "checkpoint.interval.every"\n'
    text += 'range = { from = "1 min", to = "1 h", scale = "log", count = 3 }\n'
    assert overrides(tmp_path, text) == [
        ('checkpoint.interval.every="1 min"',),
        ('checkpoint.interval.every="7.74597 min"',),
        ('checkpoint.interval.every="60 min"',),
    ]


def test_ends_in_two_units_are_of_one_dimension() -> None:
    with pytest.raises(InputError, match=r"axes: '5 GB' is a size, expected a time"):
        spaced(SpacedForm.model_validate({"from": "1 min", "to": "5 GB", "count": 2}), "axes")


@given(low=st.integers(-50, 50), width=st.integers(1, 100), count=st.integers(2, 20))
def test_whole_ends_give_whole_numbers_within_them(low: int, width: int, count: int) -> None:
    form = SpacedForm.model_validate({"from": low, "to": low + width, "count": count})
    values = [int(text) for text in spaced(form, "axes")]
    assert values == sorted(values)
    assert (values[0], values[-1], len(values)) == (low, low + width, count)


def test_keys_of_a_zip_take_their_values_together(tmp_path: Path) -> None:
    text = '[[axes]]\nzip = { "cluster.nodes" = [2, 4], "training.global_batch" = [256, 512] }\n'
    assert overrides(tmp_path, text) == [
        ("cluster.nodes=2", "training.global_batch=256"),
        ("cluster.nodes=4", "training.global_batch=512"),
    ]


def test_points_are_called_by_their_texts_without_quotes(tmp_path: Path) -> None:
    text = '[[axes]]\nkey = "run.horizon"\nrange = { from = "1 h", to = "2 h", count = 2 }\n'
    text += '[[axes]]\nzip = { "recovery.replace" = ["1 min", "2 min"], "cluster.spare_nodes" = [1, 2] }\n'
    found = study(tmp_path, text).variants
    assert [each.name for each in found] == [
        f"{one}, {other}" for one in ("1 h", "2 h") for other in ("1 min, 1", "2 min, 2")
    ]
    assert found[0].values["run.horizon"] == '"1 h"'


@given(count=st.integers(2, 60), seed=st.integers(0, 1000))
def test_a_latin_hypercube_has_one_point_in_each_part_of_every_key(count: int, seed: int) -> None:
    points = latin_hypercube(count, ("a", "b", "c"), seed)
    for column in points.T:
        assert sorted((column * count).astype(int)) == list(range(count))


@given(power=st.integers(1, 6), seed=st.integers(0, 1000))
def test_a_shifted_sobol_sequence_keeps_one_point_in_each_part(power: int, seed: int) -> None:
    """The shift moves all points of a key alike, modulo 1: gaps between neighbours stay 1 / count."""
    for column in sobol(2**power, ("a", "b"), seed).T:
        gaps = np.diff(np.sort(column))
        assert np.allclose(gaps, 2.0**-power)


def test_a_key_of_a_latin_hypercube_is_drawn_alike_whatever_others_there_are() -> None:
    assert (latin_hypercube(8, ("a", "b"), 3)[:, 1] == latin_hypercube(8, ("b",), 3)[:, 0]).all()


@pytest.mark.parametrize("draw", [latin_hypercube, sobol])
def test_a_sample_follows_from_its_seed(draw: Callable[[int, tuple[str, ...], int], Points]) -> None:
    assert (draw(8, ("a", "b"), 3) == draw(8, ("a", "b"), 3)).all()
    assert (draw(8, ("a", "b"), 3) != draw(8, ("a", "b"), 4)).any()


def test_samples_lie_within_the_ranges_of_their_keys(tmp_path: Path) -> None:
    text = (
        "[[axes]]\n[axes.latin-hypercube]\ncount = 16\nseed = 4\n[axes.latin-hypercube.keys]\n"
        '"cluster.spare_nodes" = { from = 0, to = 64 }\n"failures.scale" = { from = 0.5, to = 2.0, scale = "log" }\n'
    )
    found = study(tmp_path, text).variants
    spares = [int(each.values["cluster.spare_nodes"]) for each in found]
    scales = [float(each.values["failures.scale"]) for each in found]
    assert len(found) == 16
    assert all(0 <= each <= 64 for each in spares)
    assert sum(each < 1.0 for each in scales) == 8
    assert found[0].name == "point 1"


def test_a_conditional_axis_is_there_where_its_condition_holds(tmp_path: Path) -> None:
    text = (
        '[[axes]]\nkey = "cluster.topology"\n'
        'values = [{ kind = "leaf-spine", radix = 16 }, { kind = "fat-tree", k = 4 }]\n'
        '[[axes]]\nkey = "cluster.topology.radix"\nvalues = [16, 32]\n'
        'when = { "cluster.topology.kind" = "leaf-spine" }\n'
    )
    assert [each.name for each in study(tmp_path, text).variants] == [
        "leaf-spine, 16",
        "leaf-spine, 32",
        "fat-tree",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[axes]]\nkey = "a.b"\n', "axes.0: got none; expected one of values, range, zip, latin-hypercube, sobol"),
        ("[[axes]]\nvalues = [1, 2]\n", "axes.0: values is of one key: expected key"),
        ('[[axes]]\nkey = "a.b"\nzip = { a = [1, 2], b = [1, 2] }\n', "axes.0: zip names its keys: expected no key"),
        ('[[axes]]\nzip = { "a.b" = [1, 2], "a.c" = [1] }\n', "axes.0.zip: got a.b 2, a.c 1 values"),
        ('[[axes]]\nkey = "a.b"\nrange = { from = 2, to = 1, count = 2 }\n', "expected a lower end and a higher one"),
        ('[[axes]]\nkey = "a.b"\nrange = { from = 0, to = 1, count = 2, scale = "log" }\n', "expected more than 0"),
        ('[[axes]]\nkey = "a.b"\nrange = { from = 0, to = "1 h", count = 2 }\n', "expected a unit at both ends"),
        ('[[axes]]\nkey = "a.b"\nrange = { from = "0 x", to = "1 h", count = 2 }\n', "'0 x' is no number with a unit"),
        ('[[axes]]\nkey = "a.b"\nrange = { from = 1, to = 3, count = 9 }\n', "the value 1 of a.b is given twice"),
        ('[[axes]]\nkey = "a.b"\nrange = { from = 1, to = 3, count = 3, scal = "log" }\n', "did you mean 'scale'"),
        (
            "[[axes]]\nsobol = { count = 6, keys = { a = { from = 0, to = 9 } } }\n",
            "sobol.count: got 6, expected a power of two",
        ),
        ('[[axes]]\nkey = "a.b"\nvalues = [1, 2]\n' * 2, "axes.1: the key a.b is set before"),
        (
            '[[axes]]\nkey = "a.b"\nvalues = [1, 2]\nwhen = { "a.c" = 1 }\n',
            "axes.0.when (keys that are set before): unknown key 'a.c'",
        ),
        (
            '[[axes]]\nkey = "a.b"\nvalues = [1, 2]\n[[axes]]\nkey = "a.c"\nvalues = [1, 2]\nwhen = { "a.b" = 3 }\n',
            "axes.1.when: holds at no point",
        ),
        ('metrics = ["etr"]\n', "metrics: unknown metric 'etr'; did you mean 'ettr'"),
        ("[until]\nhalf_width = { ettrr = 0.1 }\n", "until.half_width: unknown metric 'ettrr'; did you mean 'ettr'"),
        ("replicas = 3\n[until]\nhalf_width = { ettr = 0.1 }\n", "got replicas and until; expected one of them"),
        ('[batch]\nmemory_limit = "4 Gb"\n', "batch.memory_limit: '4 Gb' is ambiguous"),
        ("[batch]\nchunks = 4\n", "did you mean 'chunk'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        study(tmp_path, text)
    assert said in str(refused.value)
    assert "study.toml" in str(refused.value)
    assert "\n" not in str(refused.value)
