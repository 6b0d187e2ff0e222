"""Bands: between which factors of a simulated step time a measured one lies (made by experiments.fit_bands)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from sim.errors import unknown_name

COVERAGES = (0.8, 0.95)
"""Shares of measured times that bands are made for."""


def kind_of(precision: str, mixture: bool) -> str:
    """Return what errors are told apart by: dense in 16 bit, dense in less, mixtures of experts.

    No step in fp32 was measured: it is taken as 16 bit.

    >>> kind_of("bf16", False), kind_of("nvfp4", False), kind_of("fp8", True)
    ('dense 16-bit', 'dense 8/4-bit', 'MoE')
    """
    if mixture:
        return "MoE"
    return "dense 16-bit" if precision in ("fp32", "bf16", "fp16") else "dense 8/4-bit"


def band(kind: str, familiarity: str, coverage: float = 0.8) -> tuple[float, float]:
    """Return the factors (low, high) on a simulated step time between which a measured one lies.

    kind: as kind_of says. familiarity: "same source" (other runs of the same people were measured), "known stack"
    (others' runs with this software) or "new stack". Raises UnknownNameError.
    """
    return band_in(_shipped(), kind, familiarity, coverage)


def band_in(tables: Mapping[str, Any], kind: str, familiarity: str, coverage: float) -> tuple[float, float]:
    """Return a band of a file's tables. Raises UnknownNameError, also for a coverage that no band was made for.

    >>> tables = {"MoE": {"new stack": {"80": {"low": 0.8, "high": 1.3}}}}
    >>> band_in(tables, "MoE", "new stack", 0.8)
    (0.8, 1.3)
    """
    table = tables
    for what, name in (("kind", kind), ("familiarity", familiarity), ("coverage in percent", f"{100 * coverage:g}")):
        if name not in table:
            raise unknown_name(what, name, table, "band")
        table = table[name]
    return float(table["low"]), float(table["high"])


@cache
def _shipped() -> Mapping[str, Any]:
    text = (files("sim.catalog") / "data" / "bands.toml").read_text(encoding="utf-8")
    tables: Mapping[str, Any] = tomllib.loads(text)["band"]
    return tables
