"""From a preset's name or a file to the keys of one scenario: extension by one level, then overrides."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from sim.errors import InputError, unknown_name

Tree = dict[str, Any]

_RULED: Mapping[str, tuple[str, ...]] = {"routing": ("queue_pairs",), "sharing": ("routing", "queue_pairs")}
"""Keys that mean something under one value of another key only: a new value drops them."""

_SHORT: Mapping[str, str] = {"log": "file"}
"""Tables that a bare text may stand for, and the key that it is."""

_FILES = (("cluster", "gemm_table"), ("failures", "log"), ("failures", "log", "file"))
"""Keys of files beside a scenario, besides those of empirical laws, wherever these stand."""

_NO_ARGUMENTS = (
    *("component", "name", "replace", "repair", "per_node", "correlated"),
    *("slow", "bandwidth", "state", "found", "recall", "rewind", "aborts", "planned"),
)
"""Keys beside a `kind` that do not belong to it: those of a cause of failure, whose kind is a law."""

_PART = r"""\s*(?:"[^"]+"\s*|'[^']+'\s*|[^."'][^.]*)"""
_KEY = re.compile(rf"{_PART}(?:\.{_PART})*")


def preset_names() -> list[str]:
    """Return the names of the scenarios that ship with the project."""
    return _shipped("presets")


def scenario_names() -> list[str]:
    """Return the names that a scenario can be asked for by: presets, and the scenarios of published validations."""
    return [*preset_names(), *_shipped("validation")]


def _shipped(folder: str) -> list[str]:
    items = (files("experiments") / folder).iterdir()
    return sorted(Path(item.name).stem for item in items if item.name.endswith(".toml"))


def read_anchors(name: str, scenario: str, where: str) -> tuple[Tree, Path | None]:
    """Return the keys of an anchor file beside a scenario's own file, and the folder. Raises InputError."""
    beside = Path(scenario).expanduser().parent if scenario.endswith(".toml") or "/" in scenario else Path()
    path = beside / Path(name).expanduser()
    return _parsed(_text(path, f"{where}: "), f"{where}: {path}"), path.parent


def read_toml(path: Path, expected: str) -> Tree:
    """Return the keys of a file. Raises InputError where it cannot be read; expected: what it would hold."""
    return _parsed(_text(path, "", expected), str(path))


def read_scenario(name_or_path: str, beside: Path | None = None) -> Tree:
    """Return the keys of a preset or a file, laid over the one that it extends; a file's path starts at `beside`.

    A name with a path separator or the ending .toml is a file; `extends` names a preset, or a file beside it, whose
    [published] figures are not inherited: they belong to that very run.
    Raises InputError for what cannot be read, UnknownNameError for an unknown preset.
    """
    tree, folder = _read(name_or_path, beside, "scenario")
    if "extends" not in tree:
        return tree
    base_name = tree.pop("extends")
    if not isinstance(base_name, str):
        raise InputError(f"{name_or_path}: extends: got {base_name!r}, expected a preset's name or a file")
    base, _ = _read(base_name, folder, f"{name_or_path}: extends")
    if "extends" in base:
        raise InputError(
            f"{name_or_path}: extends: '{base_name}' extends '{base['extends']}' itself; expected one level only"
        )
    base.pop("published", None)
    return merged(without_replaced(base, tree), tree)


def without_replaced(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """Return a base without what it says of causes of its own that other causes take the place of.

    >>> mine = {"failures": {"causes": [{"name": "NIC"}]}, "recovery": {"detect_by_cause": {"NIC": "1 s"}}}
    >>> without_replaced(mine, {"failures": {"causes": [{"name": "fan"}]}})["recovery"]
    {'detect_by_cause': {}}
    """
    result = dict(base)
    gone = _cause_names(base) - _cause_names(over) if "causes" in _table(over, "failures") else set()
    for table, key in (("recovery", "detect_by_cause"), ("repair", "by_cause")):
        told = _table(_table(result, table), key)
        if gone & told.keys():
            kept = {cause: value for cause, value in told.items() if cause not in gone}
            result[table] = {**result[table], key: kept}
    return result


def _cause_names(tree: Mapping[str, Any]) -> set[str]:
    causes = _table(tree, "failures").get("causes")
    return (
        {str(each.get("name")) for each in causes if isinstance(each, Mapping)} if isinstance(causes, list) else set()
    )


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = tree.get(key)
    return value if isinstance(value, Mapping) else {}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """Return `base` with the keys of `over` laid on top: tables merge, everything else is replaced.

    A table that states its `kind` replaces the one below it: arguments of one kind mean nothing to another. In the
    same way another routing drops the queue pairs below it, and another preset of the model its fields. An empty table
    empties the one below.

    >>> merged({"run": {"seed": 1, "work": "1 h"}}, {"run": {"seed": 2}})
    {'run': {'seed': 2, 'work': '1 h'}}
    >>> merged({"model": {"layers": 16}}, {"model": {"preset": "llama3-8b"}})
    {'model': {'preset': 'llama3-8b'}}
    >>> merged({"topology": {"kind": "clos", "pod": 8}}, {"topology": {"kind": "fat-tree"}})
    {'topology': {'kind': 'fat-tree'}}
    >>> merged({"recovery": {"detect_by_cause": {"NIC": "1 s"}}}, {"recovery": {"detect_by_cause": {}}})
    {'recovery': {'detect_by_cause': {}}}
    """
    result = _without_ruled(base, over)
    for key, value in over.items():
        below = result.get(key)
        mergeable = isinstance(value, Mapping) and isinstance(below, Mapping) and value and "kind" not in value
        if below is None or not mergeable or (key == "model" and "preset" in value and _other_preset(below, value)):
            result[key] = value
        else:
            result[key] = merged(below, value)
    return result


def _other_preset(below: Mapping[str, Any], over: Mapping[str, Any]) -> bool:
    """Return whether a model comes from another catalog entry, whose fields those of the one below are not."""
    return bool(below.get("preset") != over["preset"])


def overridden(tree: Mapping[str, Any], overrides: Iterable[str]) -> Tree:
    """Return a scenario's keys with `dotted.key=value` overrides; values are TOML, or else plain text.

    >>> overridden({"cluster": {"nodes": 2}}, ["cluster.nodes=4", "run.horizon=54 d", "cost.prices=2026-owned"])
    {'cluster': {'nodes': 4}, 'run': {'horizon': '54 d'}, 'cost': {'prices': '2026-owned'}}

    Another `kind` drops the arguments beside it, so that its own come in later overrides. A part of the key may be
    quoted, as in TOML.
    Raises InputError for an override without "=", and for a key inside something that is no table.
    """
    result = dict(tree)
    for override in overrides:
        key, equals, text = override.partition("=")
        parts = [part.strip().strip("\"'") for part in re.findall(_PART, key)]
        if not equals or _KEY.fullmatch(key.strip()) is None or not all(parts):
            raise InputError(f"--set {override}: expected dotted.key=value, such as cluster.spare_nodes=32")
        result = _replaced(result, parts, _value(text.strip()), override)
    return result


def _replaced(node: Any, parts: list[str], value: Any, override: str) -> Any:
    """Return a copy of a tree in which one place, by its path, holds another value."""
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(node, list) and first.isdecimal() and int(first) < len(node):
        index = int(first)
        return [*node[:index], _replaced(node[index], rest, value, override), *node[index + 1 :]]
    if not isinstance(node, dict):
        expected = f"0 to {len(node) - 1}" if isinstance(node, list) and node else "a key of a table"
        inside = f"a list of {len(node)}" if isinstance(node, list) else repr(node)
        raise InputError(f"--set {override}: '{first}' lies inside {inside}; expected {expected}")
    if first == "kind" and node.get(first) not in (None, value):
        # Arguments of one kind mean nothing to another.
        return {key: node[key] for key in _NO_ARGUMENTS if key in node} | {first: value}
    if first == "model" and rest == ["preset"] and isinstance(model := node.get(first), dict):
        # Fields of one model mean nothing to another.
        return {**node, first: {"preset": value} if _other_preset(model, {"preset": value}) else model}
    if rest and first in _SHORT and isinstance(node.get(first), str):
        node = {**node, first: {_SHORT[first]: node[first]}}
    kept = node if rest else _without_ruled(node, {first: value})
    return {**kept, first: _replaced(node.get(first, {} if rest else None), rest, value, override)}


def _without_ruled(below: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """Return a table less what only the values that are replaced gave a meaning to."""
    changed = [key for key in _RULED if key in over and below.get(key) not in (None, over[key])]
    dropped = {ruled for key in changed for ruled in _RULED[key]}
    return {key: value for key, value in below.items() if key not in dropped}


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    # More than one key: the text held a line break, and is not a value.
    return parsed["value"] if list(parsed) == ["value"] else text


def _read(name: str, folder: Path | None, where: str) -> tuple[Tree, Path | None]:
    """Return a preset's or a file's keys, and the folder of a file; errors about the name start with `where`."""
    if name.endswith(".toml") or "/" in name:
        path = Path(name).expanduser() if folder is None else folder / Path(name).expanduser()
        tree = _parsed(_text(path, "" if folder is None else f"{where}: "), str(path))
        return _beside(tree, path.parent), path.parent
    if name not in scenario_names():
        raise unknown_name("preset", name, scenario_names(), f"{where} (a file would end in .toml)")
    folder_name = "presets" if name in preset_names() else "validation"
    return _parsed((files("experiments") / folder_name / f"{name}.toml").read_text(encoding="utf-8"), name), None


def _beside(tree: Tree, folder: Path) -> Tree:
    """Return a file's keys with the files that they name found from the file's own folder.

    These are the table of products, a log, and what empirical laws are drawn from, wherever a law stands.
    """
    found = {key: _law_beside(value, folder) for key, value in tree.items()}
    for path in _FILES:
        found = _found(found, path, folder)
    return found


def _law_beside(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_law_beside(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "empirical" and isinstance(value.get("file"), str):
        return {**value, "file": str(folder / Path(value["file"]).expanduser())}
    return {key: _law_beside(item, folder) for key, item in value.items()}


def _found(node: Any, path: tuple[str, ...], folder: Path) -> Any:
    """Return a tree whose key at a path, where it is a text, starts from a folder."""
    if not path:
        return str(folder / Path(node).expanduser()) if isinstance(node, str) else node
    if not isinstance(node, dict) or path[0] not in node:
        return node
    return {**node, path[0]: _found(node[path[0]], path[1:], folder)}


def _text(path: Path, where: str, expected: str = "a scenario in TOML, or a preset's name") -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{where}{path}: no such file; expected {expected}") from None
    except IsADirectoryError:
        raise InputError(f"{where}{path}: is a directory; expected {expected}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{where}{path}: cannot be read: {reason}") from error


def _parsed(text: str, source: str) -> Tree:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: is not valid TOML: {error}") from error
