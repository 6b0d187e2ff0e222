"""Failure presets: published counts of causes over an exposure, as mean lives of components."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sim.catalog.read import read_fields, read_number, read_sources, read_text, require_keys, require_table
from sim.catalog.records import FailureCause, FailurePreset, Provenance
from sim.errors import InputError

_CAUSE = ("component", "count", "replace", "note")
_APART = ("causes", "duration_s", "sources")


def parse_failure_preset(name: str, table: Any, where: str) -> FailurePreset:
    """Return a preset from counts: mean life of one component = components x duration / count, exponential.

    The maximum-likelihood estimate of an exponential life from `count` failures of `components` x `duration`
    hours of exposure, failed components being renewed. Raises InputError.
    """
    require_keys(table, ("duration_s", "components", "causes", "sources"), where)
    for key in ("duration_s", "components", "causes"):
        if key not in table:
            raise InputError(f"{where}: missing field '{key}'")
    duration_s = read_number(table["duration_s"], f"{where}.duration_s")
    values = read_fields(FailurePreset, {"components": table["components"]}, where, joined=_APART)
    components: Mapping[str, int] = values["components"]
    sources = read_sources(table.get("sources", {}), ("duration_s", "components"), where)
    published = sources.get("*") or sources["duration_s"]
    causes = []
    for cause, row in require_table(table["causes"], f"{where}.causes").items():
        at = f'{where}.causes."{cause}"'
        causes.append(_cause(cause, row, components, duration_s, at))
        sources[cause] = _derived(published, row, at)
    return FailurePreset(name=name, causes=tuple(causes), duration_s=duration_s, components=components, sources=sources)


def expected_failures(preset: FailurePreset, components: Mapping[str, int], duration_s: float) -> float:
    """Return the expected failures of all causes: sum over causes of components x duration / mean life.

    >>> from sim.catalog.load import failure_preset
    >>> llama = failure_preset("llama3-2024")
    >>> round(expected_failures(llama, llama.components, 54 * 86400.0), 9)
    419.0
    """
    return sum(components[cause.component] * duration_s / cause.mean_s for cause in preset.causes)


def _cause(name: str, row: Any, components: Mapping[str, int], duration_s: float, where: str) -> FailureCause:
    require_keys(row, _CAUSE, where)
    for key in _CAUSE:
        if key not in row:
            raise InputError(f"{where}: missing field '{key}'")
    component = read_text("component", row["component"], f"{where}.component")
    count = read_number(row["count"], f"{where}.count", whole=True)
    if component not in components:
        raise InputError(f"{where}.component: no '{component}' among the components of the preset")
    if not isinstance(row["replace"], bool):
        raise InputError(f"{where}.replace: got {row['replace']!r}, expected true or false")
    return FailureCause(
        name=name,
        component=component,
        kind="exponential",
        mean_s=components[component] * duration_s / count,
        replace=row["replace"],
    )


def _derived(published: Provenance, row: Mapping[str, Any], where: str) -> Provenance:
    reasoning = read_text("reasoning", row["note"], f"{where}.note")
    return replace(published, kind="derived", note=f"{row['count']} counted; {reasoning}")
