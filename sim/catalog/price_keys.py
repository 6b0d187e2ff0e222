"""Keys of a price book: what each is for, its unit, whether it may be zero, and which other key it needs."""

from collections.abc import Collection, Mapping

from sim.errors import PriceError, unknown_name

UNITS: Mapping[str, str] = {
    "life/server": "year",
    "life/network": "year",
    "life/storage": "year",
    "life/facility": "year",
    "life/cooling": "year",
    "residual/server": "fraction",
    "capital/rate": "1/year",
    "facility/watt": "USD/W",
    "cdu/watt": "USD/W",
    "colocation/kw-month": "USD/kW-month",
    "energy/kwh": "USD/kWh",
    "energy/kwh-peak": "USD/kWh",
    "energy/demand": "USD/kW-month",
    "energy/pue": "ratio",
    "carbon/kwh": "kg/kWh",
    "carbon/market-kwh": "kg/kWh",
    "carbon/tonne": "USD/t",
    "head-node/unit": "USD",
    "head-node/per-1000-gpu": "1/1000 GPU",
    "licence/gpu-year": "USD/GPU-year",
    "maintenance/server": "1/year",
    "maintenance/event": "USD",
    "rma/credit": "fraction",
    "support/rent": "fraction",
    "sla/repair": "fraction",
    "storage-rent/pb-month": "USD/PB-month",
    "egress/tb": "USD/TB",
    "staff/operations": "FTE/1000 GPU",
    "staff/research": "FTE",
    "staff/fte": "USD/FTE-year",
    "staff/hours-per-incident": "h",
    "staff/hour": "USD/h",
    "data/run": "USD",
    "data/licences": "USD",
    "data/processing": "USD/Ttoken",
    "data/annotation": "USD",
}
"""Unit of each key that stands for itself.

cdu/watt: coolant distribution units and manifolds, a watt of IT nameplate. energy/kwh-peak: in peak hours; energy/kwh
is then the price outside them. energy/demand: of the highest power of a month. maintenance/server: part of the servers'
price a year; maintenance/event: one visit to the repair shop, of which rma/credit comes back under warranty.
support/rent: part of the rent; sla/repair: part of the price of a GPU-hour in repair that a provider credits.
carbon/market-kwh: of the contracts that a site has; carbon/kwh is that of its grid. data/run is the lump of what
data/licences, data/processing (a trillion tokens) and data/annotation tell apart.
"""

ITEM_UNITS: Mapping[str, str] = {
    "server": "USD",
    "scale-up": "USD",
    "switch": "USD",
    "cable": "USD",
    "storage": "USD",
    "rent-on-demand": "USD/GPU-h",
    "rent-reserved": "USD/GPU-h",
    "rent-spot": "USD/GPU-h",
    "embodied": "kg",
}
"""Unit by the first part of a key whose second part names what the catalog holds.

scale-up: a node's share of switches that are not part of its own price. embodied: CO2e of making one server.
"""

MAY_BE_ZERO = frozenset(
    {"residual/server", "capital/rate", "carbon/kwh", "carbon/market-kwh", "carbon/tonne", "energy/demand"}
    | {"head-node/per-1000-gpu", "licence/gpu-year", "maintenance/server", "maintenance/event", "rma/credit"}
    | {"support/rent", "sla/repair", "storage-rent/pb-month", "egress/tb"}
    | {"staff/operations", "staff/research", "staff/hours-per-incident"}
    | {"data/run", "data/licences", "data/processing", "data/annotation"}
)
"""Keys whose zero means something: none of it, or free."""

DATA_LUMP, DATA_PARTS = "data/run", ("data/licences", "data/processing", "data/annotation")

NEEDS: Mapping[str, str] = {
    "energy/kwh-peak": "energy/kwh",
    "head-node/unit": "head-node/per-1000-gpu",
    "head-node/per-1000-gpu": "head-node/unit",
    "staff/hour": "staff/hours-per-incident",
    "staff/hours-per-incident": "staff/hour",
    "rma/credit": "maintenance/event",
    "cdu/watt": "life/cooling",
}
"""Keys that price nothing without another."""

Items = Mapping[str, Collection[str]]
"""Names that a price may be for, by the first part of its key: "server" -> nodes, "switch" -> switches and so on."""


def unit_of(key: str, items: Items, where: str) -> str:
    """Return the unit of a price key. Raises UnknownNameError for a key that nothing would read.

    >>> unit_of("scale-up/gb200-nvl72", {"scale-up": ("gb200-nvl72",)}, "here"), unit_of("egress/tb", {}, "here")
    ('USD', 'USD/TB')
    """
    if key in UNITS:
        return UNITS[key]
    family, _, name = key.partition("/")
    if family not in ITEM_UNITS:
        raise unknown_name("price", key, [*UNITS, *(f"{one}/..." for one in ITEM_UNITS)], where)
    if name not in items[family]:
        raise unknown_name(f"{family} to price", name, items[family], where)
    return ITEM_UNITS[family]


def check_together(keys: Collection[str], where: str) -> None:
    """Raise PriceError for a key without the one that it needs, and for data both as a lump and in parts.

    >>> check_together({"energy/kwh", "energy/kwh-peak", "data/run"}, "my.toml")
    """
    for key, needed in NEEDS.items():
        if key in keys and needed not in keys:
            raise PriceError(f"{where}: prices: got '{key}' without '{needed}', expected both or neither")
    for part in DATA_PARTS:
        if part in keys and DATA_LUMP in keys:
            got = f"got both '{DATA_LUMP}' and '{part}'"
            raise PriceError(f"{where}: prices: {got}, expected the lump or its parts ({', '.join(DATA_PARTS)})")
