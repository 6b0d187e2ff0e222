"""Levels: how fast kernels run within a step, over the same kernels measured alone (levels.toml)."""

from collections.abc import Mapping
from typing import Any

from sim.catalog.read import read_number, read_provenance, require_table
from sim.catalog.records import Provenance

GENERATIONS: Mapping[str, str] = {
    "a100-80gb-sxm": "ampere",
    "a100-40gb-sxm": "ampere",
    "h100-sxm": "hopper",
    "h200-sxm": "hopper",
    "h800-sxm": "hopper",
    "h100-96gb-500w": "hopper",
    "b200": "blackwell",
    "gb200": "blackwell",
    "gb300": "blackwell",
    "b300": "blackwell",
}
"""Generation of each accelerator whose levels are known; others run at the common one."""

CLASSES: Mapping[str, str] = {"bf16": "16-bit", "fp16": "16-bit", "fp8": "8-bit", "mxfp8": "8-bit", "nvfp4": "4-bit"}
"""Precisions whose levels are one."""


def generation_of(accelerator: str) -> str:
    """Return the generation of an accelerator, its own name where none is known."""
    return GENERATIONS.get(accelerator, accelerator)


def stack_level(tables: Mapping[str, Any], stack: str, shown: str) -> tuple[float, Provenance]:
    """Return the level of a software profile; without one, the common level is 1 and assumed."""
    return _level(tables.get("stack", {}).get(stack), f'{shown}: stack."{stack}"')


def expert_levels(tables: Mapping[str, Any], shown: str) -> tuple[dict[str, float], dict[str, Provenance]]:
    """Return the level of kernels around experts by precision, and where it comes from."""
    return _by_precision(
        require_table(tables.get("experts", {}), f"{shown}: experts"), f"{shown}: experts", "expert_levels"
    )


def sustained(
    tables: Mapping[str, Any], accelerator: str, shown: str
) -> tuple[dict[str, float], dict[str, Provenance]]:
    """Return the level of each precision of an accelerator's generation, and where it comes from."""
    where = f'{shown}: gpu."{generation_of(accelerator)}"'
    own = require_table(tables.get("gpu", {}).get(generation_of(accelerator), {}), where)
    return _by_precision(own, where, "sustained")


def _by_precision(tables: Mapping[str, Any], where: str, field: str) -> tuple[dict[str, float], dict[str, Provenance]]:
    levels = {kind: _level(table, f'{where}."{kind}"') for kind, table in tables.items()}
    values = {precision: levels[kind][0] for precision, kind in CLASSES.items() if kind in levels}
    return values, {f"{field}.{precision}": levels[CLASSES[precision]][1] for precision in values}


def _level(table: Any, where: str) -> tuple[float, Provenance]:
    if table is None:
        return 1.0, Provenance(source="no level was fitted", date="2026-11", kind="assumed")
    table = require_table(table, where)
    level = read_number(table.get("level"), f"{where}.level")
    return level, read_provenance({key: value for key, value in table.items() if key != "level"}, where)
