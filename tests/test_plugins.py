"""A name resolves to a function of an explicit dict, or to "module:function" where the user allows it."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.errors import InputError, UnknownNameError
from sim.plugins import check_arguments, resolve


def fat_tree(*, k: int, hosts: int | None = None) -> tuple[int, int | None]:
    return k, hosts


def open_ended(size: int, **options: int) -> int:
    return size + len(options)


KNOWN: dict[str, Callable[..., object]] = {"fat-tree": fat_tree, "open-ended": open_ended}


def test_a_known_name_is_its_function() -> None:
    assert resolve("topology kind", "fat-tree", KNOWN) is fat_tree


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"^cluster\.topology: unknown topology kind 'fat-tre'; .*'fat-tree'"):
        resolve("topology kind", "fat-tre", KNOWN, where="cluster.topology")


def test_a_plugin_is_refused_unless_allowed() -> None:
    with pytest.raises(InputError, match="--allow-plugins"):
        resolve("topology kind", "math:sqrt", KNOWN)


def test_an_allowed_plugin_is_imported() -> None:
    assert resolve("topology kind", "math:sqrt", KNOWN, allow_plugins=True) is math.sqrt


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module_here:f", "cannot import 'no_such_module_here'"),
        (":f", "cannot import ''"),
        ("math:sqr", "did you mean 'sqrt'"),
        ("math:", "unknown function of math ''"),
        ("math:pi", "is a float, expected a function"),
    ],
)
def test_a_plugin_that_is_no_function_says_why(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve("topology kind", name, KNOWN, allow_plugins=True)


def test_a_plugin_whose_module_fails_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaks_on_import.py").write_text("raise RuntimeError('no licence\\nsecond line')")
    monkeypatch.syspath_prepend(str(tmp_path))
    expected = r"cannot import 'breaks_on_import' \(RuntimeError: no licence\)$"
    with pytest.raises(InputError, match=expected):
        resolve("topology kind", "breaks_on_import:f", KNOWN, allow_plugins=True)


def test_a_known_name_wins_over_a_plugin_of_the_same_spelling() -> None:
    assert resolve("kind", "math:sqrt", {"math:sqrt": fat_tree}) is fat_tree


def test_arguments_that_fit_pass() -> None:
    check_arguments(fat_tree, {"k": 4})
    check_arguments(fat_tree, {"k": 4, "hosts": 16})


def test_an_unknown_argument_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"^cluster\.topology: .*'host'; did you mean 'hosts'"):
        check_arguments(fat_tree, {"k": 4, "host": 16}, "cluster.topology")


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(InputError, match="fat_tree needs k, got hosts"):
        check_arguments(fat_tree, {"hosts": 16})


def test_an_argument_that_a_function_would_merely_swallow_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="'colour'"):
        check_arguments(open_ended, {"size": 1, "colour": 2})


def test_a_parameter_that_the_caller_supplies_cannot_be_given_again() -> None:
    check_arguments(open_ended, {}, supplied=1)
    with pytest.raises(UnknownNameError, match="takes no arguments, got 'size'"):
        check_arguments(open_ended, {"size": 1}, supplied=1)
