"""The points of a study: named variants at every point of its axes, each axis where its condition holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.batch.design.forms import AxisForm
from sim.batch.design.ranges import spaced
from sim.batch.design.samples import sampled
from sim.batch.variants import Axis, Variant, checked, names_of, toml_text, variants_of
from sim.errors import InputError, unknown_name
from sim.scenario.source import overridden

NOTHING = Variant(name="", values={}, overrides=())
"""What an axis adds where its condition does not hold."""


def points_of(form: AxisForm, where: str) -> tuple[Variant, ...]:
    """Return what an axis takes, one after the other. Raises InputError."""
    if form.values is not None:
        return _listed(form, tuple(map(toml_text, form.values)), where)
    if form.range is not None:
        return _listed(form, spaced(form.range, f"{where}.range"), where)
    if form.zip is not None:
        return _together(form.zip, f"{where}.zip")
    for kind, sample in (("latin-hypercube", form.latin_hypercube), ("sobol", form.sobol)):
        if sample is not None:
            rows = sampled(sample, kind, f"{where}.{kind}")
            return tuple(_variant(f"point {number}", row) for number, row in enumerate(rows, start=1))
    raise AssertionError("the form of an axis has one of its kinds")


def product_of(named: Sequence[Variant], axes: Sequence[AxisForm], source: str) -> tuple[Variant, ...]:
    """Return every named variant at every point of the axes, the last axis fastest.

    An axis whose `when` does not hold at a point leaves it as it is. Raises InputError for an axis whose condition
    names a key that nothing before it sets, or that holds nowhere, and for a key that two axes set at one point.
    """
    points: list[Variant] = list(named) or [NOTHING]
    for index, axis in enumerate(axes):
        points = _extended(points, axis, f"{source}: axes.{index}")
    return tuple(points)


def _extended(points: Sequence[Variant], axis: AxisForm, where: str) -> list[Variant]:
    own = points_of(axis, where)
    _check_conditions(points, axis, where)
    holds = [_holds(axis.when, point) for point in points]
    if not any(holds):
        raise InputError(f"{where}.when: holds at no point; expected values that what comes before takes")
    return [
        _joined(point, each, where)
        for point, here in zip(points, holds, strict=True)
        for each in (own if here else (NOTHING,))
    ]


def _check_conditions(points: Sequence[Variant], axis: AxisForm, where: str) -> None:
    known = sorted({key for point in points for key in _leaves(overridden({}, point.overrides))})
    for key in axis.when:
        if key not in known:
            raise unknown_name("key", key, known, f"{where}.when (keys that are set before)")


def _holds(when: Mapping[str, Any], point: Variant) -> bool:
    """Return whether every key of a condition has its value, or one of its list."""
    values = _leaves(overridden({}, point.overrides))
    return all(
        key in values and values[key] in (wanted if isinstance(wanted, list) else [wanted])
        for key, wanted in when.items()
    )


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return all values of a tree by dotted key.

    >>> _leaves({"cluster": {"nodes": 2, "topology": {"kind": "clos"}}})
    {'cluster.nodes': 2, 'cluster.topology.kind': 'clos'}
    """
    found: dict[str, Any] = {}
    for key, value in tree.items():
        inner = _leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        found.update(inner)
    return found


def _joined(one: Variant, other: Variant, where: str) -> Variant:
    twice = [key for key in other.values if key in one.values]
    if twice:
        raise InputError(f"{where}: the key {twice[0]} is set before; expected it once")
    return Variant(
        name=", ".join(filter(None, (one.name, other.name))),
        values={**one.values, **other.values},
        overrides=(*one.overrides, *other.overrides),
    )


def _listed(form: AxisForm, values: tuple[str, ...], where: str) -> tuple[Variant, ...]:
    assert form.key is not None, "the form sees to it"
    return variants_of([checked(Axis(key=form.key, values=values), where)])


def _together(lists: Mapping[str, Sequence[Any]], where: str) -> tuple[Variant, ...]:
    """Return the points of keys that take their values together: all firsts, all seconds, and so on."""
    counts = {key: len(values) for key, values in lists.items()}
    if len(counts) < 2 or len(set(counts.values())) != 1 or min(counts.values()) < 2:
        told = ", ".join(f"{key} {count}" for key, count in counts.items()) or "none"
        raise InputError(f"{where}: got {told} values; expected two keys at least, of as many values, two at least")
    rows = [dict(zip(lists, map(toml_text, row), strict=True)) for row in zip(*lists.values(), strict=True)]
    names = zip(*(names_of([row[key] for row in rows]) for key in lists), strict=True)
    return tuple(_variant(", ".join(name), row) for name, row in zip(names, rows, strict=True))


def _variant(name: str, values: Mapping[str, str]) -> Variant:
    return Variant(name=name, values=values, overrides=tuple(f"{key}={value}" for key, value in values.items()))
