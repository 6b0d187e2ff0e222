"""The fitted curves of kernels.toml, joined to accelerators: products, grouped products, attention, HBM efficiency."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sim.catalog.read import read_fields, read_number, read_provenance
from sim.catalog.records import AttentionCurve, GemmCurve, Provenance
from sim.errors import InputError

_CURVES: Mapping[str, type] = {"gemm": GemmCurve, "grouped": GemmCurve, "attention": AttentionCurve}
_PROVENANCE = ("source", "date", "kind", "note")


def kernel_fields(
    kernels: Mapping[str, Any], accelerator: str, where: str
) -> tuple[dict[str, Any], dict[str, Provenance]]:
    """Return gemm, grouped, attention and hbm_efficiency of an accelerator, and their provenance by dotted field.

    A table holds the fields of its curve, a provenance, and how well it fits (rows, errors: for readers only).
    Raises InputError if an accelerator has no curves.
    """
    for section in (*_CURVES, "hbm"):
        if accelerator not in kernels.get(section, {}):
            raise InputError(f'{where}: no table [{section}."{accelerator}"]')
    values: dict[str, Any] = {}
    sources: dict[str, Provenance] = {}
    for section, record in _CURVES.items():
        tables = kernels[section][accelerator]
        at = f"{where}: {section}.{accelerator}"
        values[section] = {key: record(**_curve(record, one, f"{at}.{key}")) for key, one in tables.items()}
        sources |= {f"{section}.{key}": _provenance(one, f"{at}.{key}") for key, one in tables.items()}
    hbm, at = kernels["hbm"][accelerator], f"{where}: hbm.{accelerator}"
    if "efficiency" not in hbm:
        raise InputError(f"{at}: missing field 'efficiency'")
    values["hbm_efficiency"] = read_number(hbm["efficiency"], f"{at}.efficiency", fraction=True)
    sources["hbm_efficiency"] = _provenance(hbm, at)
    return values, sources


def _curve(record: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
    names = {field.name for field in fields(record)}
    return read_fields(record, {key: value for key, value in table.items() if key in names}, where)


def _provenance(table: Mapping[str, Any], where: str) -> Provenance:
    return read_provenance({key: table[key] for key in _PROVENANCE if key in table}, where)
