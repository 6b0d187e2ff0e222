"""Variants of a scenario: axes of values for its dotted keys, and every combination of them."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeGuard

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

    names: what a value is called where it has a name of its own; all others are called as `names_of` says.

    >>> axes = [axis_of("a=1,2"), axis_of('b=x,"5 min"')]
    >>> [variant.name for variant in variants_of(axes)]
    ['1, x', '1, 5 min', '2, x', '2, 5 min']
    >>> variants_of(axes)[1].overrides
    ('a=1', 'b="5 min"')
    """
    keys = [axis.key for axis in axes]
    twice = [key for index, key in enumerate(keys) if key in keys[:index]]
    if twice:
        raise InputError(f"--over {twice[0]}: the key is given twice; expected its values in one list")
    called = [{**dict(zip(axis.values, names_of(axis.values), strict=True)), **(names or {})} for axis in axes]
    return tuple(
        Variant(
            name=", ".join(own[value] for own, value in zip(called, values, strict=True)),
            values=dict(zip(keys, values, strict=True)),
            overrides=tuple(f"{key}={value}" for key, value in zip(keys, values, strict=True)),
        )
        for values in product(*(axis.values for axis in axes))
    )


def names_of(values: Sequence[str]) -> list[str]:
    """Return short names of an axis' values: a text without its quotes, a table by its kind.

    A kind comes with the arguments that tell it from its like. A value is called as it is written where its short name
    would be taken for another value, or for two.

    >>> names_of(['{kind = "clos", tiers = 3, pod = 8}', '{kind = "clos", tiers = 3, pod = 16}', '"torus"', "7"])
    ['clos pod=8', 'clos pod=16', 'torus', '7']
    >>> names_of(["1", '"1"', '"u, v"', '"w x"'])
    ['1', '"1"', '"u, v"', 'w x']
    """
    parsed = {text: _value(text) for text in values}
    short = {text: _short_name(text, value, [*parsed.values()]) for text, value in parsed.items()}
    taken = Counter(name for text in short for name in {text, short[text]})
    return [short[text] if taken[short[text]] == 1 else text for text in values]


def _short_name(text: str, value: object, values: Sequence[object]) -> str:
    """Return what a value is called beside others where nothing else is called so."""
    if isinstance(value, str) and _plain(value):
        return value
    if not _is_kind(value):
        return text
    alike = [other for other in values if _is_kind(other) and other["kind"] == value["kind"]]
    own = [key for key in value if any(other.get(key) != value[key] for other in alike)]
    return " ".join([str(value["kind"]), *(f"{key}={_short(value[key])}" for key in own)])


def _is_kind(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and "kind" in value


def _plain(text: str) -> bool:
    """Return whether a text is one word or several that nothing takes for more than one name."""
    return text != "" and text == text.strip() and text.isprintable() and not set(text) & set(",\"'")


def _value(text: str) -> object:
    """Return the value of an override; None of a text without quotes, which is no TOML."""
    try:
        return tomllib.loads(f"value = {text}").get("value")
    except tomllib.TOMLDecodeError:
        return None


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
