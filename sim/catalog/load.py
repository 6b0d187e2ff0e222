"""The catalog by name: every entry is read from TOML on first use and checked as a whole."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from sim.catalog.failures import parse_failure_preset
from sim.catalog.kernels import kernel_fields
from sim.catalog.levels import expert_levels, stack_level, sustained
from sim.catalog.price_keys import Items
from sim.catalog.prices import parse_price_book
from sim.catalog.read import read_fields, read_toml
from sim.catalog.records import (
    Accelerator,
    Cable,
    Cooling,
    FailurePreset,
    Grid,
    Model,
    Node,
    PriceBook,
    SoftwareProfile,
    Storage,
    Switch,
)
from sim.errors import InputError, unknown_name

_FILES: Mapping[str, str] = {
    "accelerator": "accelerators.toml",
    "node": "nodes.toml",
    "switch": "network.toml",
    "cable": "network.toml",
    "storage": "storage.toml",
    "model": "models.toml",
    "failure-preset": "failures.toml",
    "software": "software.toml",
    "cooling": "cooling.toml",
    "grid": "grids.toml",
}
_PRICE_BOOKS: Mapping[str, str] = {
    f"{year}-{how}": f"prices-{year}-{how}.toml"
    for year in (2020, 2023, 2024, 2025, 2026)
    for how in ("owned", "rented")
}
_KERNELS = "kernels.toml"
_LEVELS = "levels.toml"
_JOINED = ("gemm", "grouped", "attention", "hbm_efficiency", "measured_gemm", "sustained")

KINDS: tuple[str, ...] = (*_FILES, "price-book")
"""Kinds of entries, as `names` and `describe` take them."""


def names(kind: str) -> tuple[str, ...]:
    """Return the names of a kind's entries, in the order of the file. Raises UnknownNameError.

    >>> names("software")[:3]
    ('meta-2024', 'megatron-2021', 'megatron-2022')
    """
    if kind == "price-book":
        return tuple(_PRICE_BOOKS)
    if kind not in _FILES:
        raise unknown_name("catalog kind", kind, KINDS)
    return tuple(_file(_FILES[kind])[kind])


@cache
def accelerator(name: str) -> Accelerator:
    """Return an accelerator with the kernel curves of its precisions. Raises InputError, UnknownNameError.

    >>> accelerator("h100-sxm").sm_count
    132
    """
    return parse_accelerator(name, _table("accelerator", name), _file(_KERNELS), _where("accelerator", name))


def parse_accelerator(name: str, table: Any, kernels: Mapping[str, Any], where: str) -> Accelerator:
    """Return an accelerator from its table and those of kernels.toml; each peak needs a GEMM and a grouped curve."""
    values = read_fields(Accelerator, table, where, joined=_JOINED)
    curves, sources = kernel_fields(kernels, name, _KERNELS)
    for precision in values["peak_flops_per_s"]:
        for section in ("gemm", "grouped"):
            if precision not in curves[section]:
                raise InputError(
                    f"{_KERNELS}: {section}.{name}: no curve for '{precision}', which has a peak in {where}"
                )
    paces, paces_sources = sustained(_file(_LEVELS), name, _LEVELS)
    values["sources"] |= sources | paces_sources
    return Accelerator(name=name, **values, **curves, sustained=paces)


@cache
def node(name: str) -> Node:
    """Return a node. Raises InputError, UnknownNameError.

    >>> node("gb200-nvl72").scale_up_domain
    72
    """
    return parse_node(name, _table("node", name), _where("node", name))


def parse_node(name: str, table: Any, where: str) -> Node:
    """Return a node from its table; its accelerator is one of the catalog's, its domain holds whole nodes or is 1."""
    values = read_fields(Node, table, where)
    if values["accelerator"] not in names("accelerator"):
        raise unknown_name("accelerator", values["accelerator"], names("accelerator"), f"{where}.accelerator")
    if values["scale_up_domain"] != 1 and values["scale_up_domain"] % values["accelerators"]:
        got = f"{values['scale_up_domain']} for nodes of {values['accelerators']}"
        raise InputError(f"{where}.scale_up_domain: got {got}, expected a multiple, or 1 for none")
    return Node(name=name, **values)


def switch(name: str) -> Switch:
    """Return a switch. Raises InputError, UnknownNameError."""
    return Switch(name=name, **read_fields(Switch, _table("switch", name), _where("switch", name)))


def cable(name: str) -> Cable:
    """Return a cable. Raises InputError, UnknownNameError."""
    return Cable(name=name, **read_fields(Cable, _table("cable", name), _where("cable", name)))


def switches() -> tuple[Switch, ...]:
    """Return every switch, in the order of the file."""
    return tuple(switch(name) for name in names("switch"))


def cables() -> tuple[Cable, ...]:
    """Return every cable, in the order of the file."""
    return tuple(cable(name) for name in names("cable"))


@cache
def storage(name: str) -> Storage:
    """Return a shared store. Raises InputError, UnknownNameError."""
    return Storage(name=name, **read_fields(Storage, _table("storage", name), _where("storage", name)))


@cache
def model(name: str) -> Model:
    """Return the shape of a model. Raises InputError, UnknownNameError.

    >>> model("llama3-405b").layers
    126
    """
    return Model(name=name, **read_fields(Model, _table("model", name), _where("model", name)))


def failure_preset(name: str) -> FailurePreset:
    """Return a failure preset. Raises InputError, UnknownNameError.

    >>> len(failure_preset("llama3-2024").causes)
    18
    """
    return parse_failure_preset(name, _table("failure-preset", name), _where("failure-preset", name))


@cache
def software(name: str) -> SoftwareProfile:
    """Return a software profile. Raises InputError, UnknownNameError."""
    levels = _file(_LEVELS)
    kernel, kernel_source = stack_level(levels, name, _LEVELS)
    experts, expert_sources = expert_levels(levels, _LEVELS)
    joined = ("kernel_level", "expert_levels")
    values = read_fields(SoftwareProfile, _table("software", name), _where("software", name), joined=joined)
    values["sources"] |= {"kernel_level": kernel_source, **expert_sources}
    return SoftwareProfile(name=name, kernel_level=kernel, expert_levels=experts, **values)


def load_cooling(name: str) -> Cooling:
    """Return a way of cooling. Raises InputError, UnknownNameError.

    >>> load_cooling("air").cdu_w
    0.0
    """
    return Cooling(name=name, **read_fields(Cooling, _table("cooling", name), _where("cooling", name)))


def load_grid(name: str) -> Grid:
    """Return an electricity grid. Raises InputError, UnknownNameError.

    >>> load_grid("france").intensity_kg_per_kwh
    0.056039
    """
    return Grid(name=name, **read_fields(Grid, _table("grid", name), _where("grid", name)))


def price_book(name: str) -> PriceBook:
    """Return a price book of the catalog. Raises InputError, PriceError, UnknownNameError.

    >>> price_book("2026-owned").prices["life/server"].value
    4.0
    """
    if name not in _PRICE_BOOKS:
        raise unknown_name("price book", name, _PRICE_BOOKS)
    return load_price_book(name)


def load_price_book(name_or_path: str) -> PriceBook:
    """Return a price book by its name in the catalog, or from a file whose name ends in .toml.

    Raises InputError, PriceError, UnknownNameError.
    """
    table, where = _price_tables(name_or_path)
    return parse_price_book(table, priced_items(), where, _price_tables)


def priced_items() -> Items:
    """Return what prices may be for, by the first part of a price's key."""
    of_nodes = ("server", "scale-up", "rent-on-demand", "rent-reserved", "rent-spot", "embodied")
    return dict.fromkeys(of_nodes, names("node")) | {kind: names(kind) for kind in ("switch", "cable", "storage")}


def _price_tables(name_or_path: str) -> tuple[dict[str, Any], str]:
    """Return the tables of a price book as its file has them, and what the file is called in errors."""
    if name_or_path.endswith(".toml"):
        return read_toml(Path(name_or_path), name_or_path), name_or_path
    if name_or_path not in _PRICE_BOOKS:
        raise unknown_name("price book", name_or_path, _PRICE_BOOKS)
    return _file(_PRICE_BOOKS[name_or_path]), _PRICE_BOOKS[name_or_path]


@cache
def _file(name: str) -> dict[str, Any]:
    return read_toml(resources.files("sim.catalog") / "data" / name, name)


def _table(kind: str, name: str) -> Any:
    tables = _file(_FILES[kind])[kind]
    if name not in tables:
        raise unknown_name(kind, name, tables)
    return tables[name]


def _where(kind: str, name: str) -> str:
    return f"{_FILES[kind]}: {kind}.{name}"
