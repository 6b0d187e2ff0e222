"""Axes of a comparison: what is read from the command line, and every combination."""

import pytest

from sim.batch.variants import axis_of, toml_text, variants_of
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


def test_text_as_toml_reads_back() -> None:
    import tomllib

    value = {"kind": "x", "list": [1, 2.5, True], "text": 'a "b"', "inner": {"k": "ä"}}
    assert tomllib.loads(f"value = {toml_text(value)}")["value"] == value
