"""Axes of a comparison: what is read from the command line, and every combination."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.batch.variants import Axis, axis_of, toml_text, variants_of
from sim.errors import InputError


def test_values_may_be_tables_lists_and_quoted_text() -> None:
    axis = axis_of('a.b={kind = "x", n = [1, 2]},"u, v",7')
    assert axis.key == "a.b"
    assert axis.values == ('{kind = "x", n = [1, 2]}', '"u, v"', "7")


def test_a_list_in_brackets_is_one_of_values() -> None:
    assert axis_of('k=[{kind = "x", n = 1}, true, 2.5, "two words"]').values == (
        '{kind = "x", n = 1}',
        "true",
        "2.5",
        '"two words"',
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clos,fat-tree", "expected key=a,b,c"),
        ("=a,b", "expected key=a,b,c"),
        ("k=", "expected key=a,b,c"),
        ("k=a", "got 1 value of k; expected two at least"),
        ("k=a,b,a", "the value a of k is given twice"),
        ("k=a,,b", "a value is empty"),
        ('k={kind = "x",b', "is not closed"),
        ("k=[1, 2", "is not a TOML list"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        axis_of(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_axes_make_every_combination_and_a_key_has_one() -> None:
    axes = [axis_of("a=1,2"), axis_of("b=x,y,z")]
    variants = variants_of(axes)
    assert len(variants) == 6
    assert variants[-1].overrides == ("a=2", "b=z")
    with pytest.raises(InputError, match="the key is given twice"):
        variants_of([axes[0], axes[0]])


def test_tables_of_one_kind_are_called_by_what_tells_them_apart() -> None:
    axis = axis_of('t={kind = "clos", tiers = 3},{kind = "clos", tiers = 2},{kind = "fat-tree", k = 4}')
    assert [variant.name for variant in variants_of([axis])] == ["clos tiers=3", "clos tiers=2", "fat-tree"]


def test_texts_are_called_without_quotes_unless_that_names_another_value() -> None:
    axes = [axis_of('a="5 min","1 h"'), axis_of('b=1,"1","x, y"'), axis_of('c={kind = "clos"},"clos"')]
    names = [[variant.name for variant in variants_of([axis])] for axis in axes]
    assert names == [["5 min", "1 h"], ["1", '"1"', '"x, y"'], ['{kind = "clos"}', '"clos"']]


TEXTS = st.text(alphabet="ab1, \"'\\", max_size=6)
VALUES = st.one_of(TEXTS.map(toml_text), st.integers(0, 11).map(str), st.sampled_from(["a", "b 1", '{kind = "a"}']))


@given(axes=st.lists(st.lists(VALUES, min_size=2, max_size=4, unique=True), min_size=1, max_size=3))
def test_no_two_combinations_have_one_name(axes: list[list[str]]) -> None:
    found = variants_of([Axis(key=f"k{index}", values=tuple(values)) for index, values in enumerate(axes)])
    assert all(one.name != other.name for one, other in combinations(found, 2))


def test_text_as_toml_reads_back() -> None:
    import tomllib

    value = {"kind": "x", "list": [1, 2.5, True], "text": 'a "b"', "inner": {"k": "ä"}}
    assert tomllib.loads(f"value = {toml_text(value)}")["value"] == value
