"""Variants of a scenario: axes of values for its dotted keys, and every combination of them."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sim.errors import InputError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key of TOML that needs no quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A dotted key of a scenario and the values that it takes, as they are written on the command line."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One combination: its name, the value of every key, and the overrides that make it of the scenario."""

    name: str
    values: Mapping[str, str]
    overrides: tuple[str, ...]


def axis_of(text: str) -> Axis:
    """Return the axis of `key=a,b,c`; values may be tables and lists of TOML, and a list in brackets is one of values.

    Raises InputError for a text without a key or with fewer than two values, or the same value twice.

    >>> axis_of("cluster.topology.kind=clos,fat-tree").values
    ('clos', 'fat-tree')
    >>> axis_of('cluster.topology={kind = "clos", radix = [64, 128]},{kind = "fat-tree", k = 64}').values
    ('{kind = "clos", radix = [64, 128]}', '{kind = "fat-tree", k = 64}')
    """
    key, equals, values = text.partition("=")
    if not (equals and key.strip() and values.strip()):
        raise InputError(f"--over {text}: expected key=a,b,c, such as cluster.topology.kind=clos,fat-tree")
    return checked(Axis(key=key.strip(), values=tuple(_split(values.strip(), text))), f"--over {text}")


def checked(axis: Axis, where: str) -> Axis:
    """Return an axis that has something to compare. Raises InputError."""
    if len(axis.values) < 2:
        raise InputError(f"{where}: got {len(axis.values)} value of {axis.key}; expected two at least to compare")
    twice = [value for index, value in enumerate(axis.values) if value in axis.values[:index]]
    if twice:
        raise InputError(f"{where}: the value {twice[0]} of {axis.key} is given twice")
    return axis


def variants_of(axes: Sequence[Axis], names: Mapping[str, str] | None = None) -> tuple[Variant, ...]:
    """Return every combination of the axes' values, the last axis fastest. Raises InputError for a key given twice.

    names: what a value is called where it has a name of its own; a table with a `kind` is otherwise called by that.

    >>> axes = [axis_of("a=1,2"), axis_of("b=x,y")]
    >>> [variant.name for variant in variants_of(axes)]
    ['1, x', '1, y', '2, x', '2, y']
    >>> variants_of(axes)[0].overrides
    ('a=1', 'b=x')
    """
    keys = [axis.key for axis in axes]
    twice = [key for index, key in enumerate(keys) if key in keys[:index]]
    if twice:
        raise InputError(f"--over {twice[0]}: the key is given twice; expected its values in one list")
    called = {value: name for axis in axes for value, name in zip(axis.values, _names(axis.values), strict=True)}
    called.update(names or {})
    return tuple(
        Variant(
            name=", ".join(called[value] for value in values),
            values=dict(zip(keys, values, strict=True)),
            overrides=tuple(f"{key}={value}" for key, value in zip(keys, values, strict=True)),
        )
        for values in product(*(axis.values for axis in axes))
    )


def _names(values: Sequence[str]) -> list[str]:
    """Return short names of an axis' values: the kind of a table, with the arguments that tell it from its like.

    >>> _names(['{kind = "clos", tiers = 3, pod = 8}', '{kind = "clos", tiers = 3, pod = 16}', '{kind = "torus"}', "7"])
    ['clos pod=8', 'clos pod=16', 'torus', '7']
    """
    tables = [_table(value) for value in values]
    names = []
    for value, table in zip(values, tables, strict=True):
        if table is None:
            names.append(value)
            continue
        alike = [other for other in tables if other is not None and other["kind"] == table["kind"]]
        own = [key for key in table if any(other.get(key) != table[key] for other in alike)]
        names.append(" ".join([str(table["kind"]), *(f"{key}={_short(table[key])}" for key in own)]))
    return names


def _table(value: str) -> dict[str, Any] | None:
    try:
        table = tomllib.loads(f"value = {value}").get("value")
    except tomllib.TOMLDecodeError:
        return None
    return table if isinstance(table, dict) and "kind" in table else None


def _short(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def toml_text(value: Any) -> str:
    """Return a value as TOML on one line, as an override takes it.

    >>> toml_text({"kind": "clos", "oversubscription": [1, 1, 7]})
    '{kind = "clos", oversubscription = [1, 1, 7]}'
    >>> toml_text({"Faulty GPU": "1 s"})
    '{"Faulty GPU" = "1 s"}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {toml_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _split(text: str, where: str) -> Iterator[str]:
    """Yield the parts between commas that lie inside no brackets, braces or quotes."""
    if text.startswith("["):
        yield from _listed(text, where)
        return
    depth, quote, part = 0, "", ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        depth += (character in "[{") - (character in "]}") if not quote else 0
        if character == "," and depth == 0 and not quote:
            yield _part(part, where)
            part = ""
        else:
            part += character
    if depth or quote:
        raise InputError(f"--over {where}: a bracket, brace or quote is not closed")
    yield _part(part, where)


def _listed(text: str, where: str) -> Iterator[str]:
    try:
        yield from map(toml_text, tomllib.loads(f"values = {text}")["values"])
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"--over {where}: is not a TOML list: {error}") from None


def _part(text: str, where: str) -> str:
    if not text.strip():
        raise InputError(f"--over {where}: a value is empty; expected key=a,b,c")
    return text.strip()
