"""Carbon of a run: what its electricity emitted, by place and by contract, and its share of making the servers.

Operational emissions follow the GHG Protocol's scope 2, which wants both: location-based, by the mean mix of the grid,
and market-based, by what was contracted. Embodied emissions, of making what the run used, are spread over its life
like a price.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.errors import InputError

HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carbon:
    """Emissions of a run in kg CO2e; market_kg is None where no contract is known, embodied_kg where no making is."""

    facility_kwh: float
    location_kg: float
    market_kg: float | None
    embodied_kg: float | None

    @property
    def total_kg(self) -> float:
        """Location-based and embodied emissions; a contract moves emissions, it does not undo them."""
        return self.location_kg + (self.embodied_kg or 0.0)


def operational_kg(facility_kwh: float, kg_per_kwh: float) -> float:
    """Return the emissions of electricity: energy at the meter x intensity. Raises InputError for a negative number.

    >>> operational_kg(1000.0, 0.4)
    400.0
    """
    return at_least_zero(facility_kwh, "facility energy, kWh") * at_least_zero(kg_per_kwh, "intensity, kg/kWh")


def market_kg(facility_kwh: float, contracts: Mapping[str, tuple[float, float]], residual_kg_per_kwh: float) -> float:
    """Return market-based emissions: contracted shares at their own intensity, the rest at the residual mix.

    contracts: by name, the fraction of the energy that it covers and its kg/kWh (0 for wind, by the attribute bought).
    Raises InputError for shares that sum to more than 1.

    >>> market_kg(1000.0, {"wind": (0.75, 0.0)}, 0.4)
    100.0
    """
    covered = sum(at_least_zero(share, f"contract '{name}', share") for name, (share, _) in contracts.items())
    if covered > 1 + 1e-9:
        raise InputError(f"contracts: cover {covered:g} of the energy; expected at most 1")
    contracted = sum(
        operational_kg(share * facility_kwh, intensity) for share, intensity in contracts.values() if share
    )
    return contracted + operational_kg(max(1 - covered, 0.0) * facility_kwh, residual_kg_per_kwh)


def embodied_kg(gpu_hours: float, kg_per_gpu: float, life_years: float, busy_fraction: float = 1.0) -> float:
    """Return a run's share of making its servers: kg a GPU x GPU-hours / hours of use in a life.

    kg_per_gpu: cradle to gate, a GPU with its share of the server. busy_fraction: of the life in which the GPU has a
    job, over which the making is spread (1: the run carries its own time only, as depreciation does).
    Raises InputError for a life or a fraction that is not positive.

    >>> embodied_kg(8766.0, 1000.0, 4.0)
    250.0
    """
    if life_years <= 0 or not 0 < busy_fraction <= 1:
        raise InputError(f"embodied: got a life of {life_years:g} years, {busy_fraction:g} of it busy; expected more")
    used = at_least_zero(gpu_hours, "GPU-hours") / (life_years * HOURS_PER_YEAR * busy_fraction)
    return used * at_least_zero(kg_per_gpu, "embodied kg a GPU")


def tdp_only_kg(gpu_hours: float, tdp_w: float, kg_per_kwh: float, pue: float = 1.0) -> float:
    """Return emissions as model cards count them: GPU-hours x TDP x intensity, and no server around the GPU.

    Llama's cards take "peak power capacity per GPU device, adjusted for power usage efficiency" (pue).

    >>> round(tdp_only_kg(30.84e6, 700.0, 0.4137) / 1000)
    8931
    """
    return operational_kg(tdp_only_kwh(gpu_hours, tdp_w, pue), kg_per_kwh)


def tdp_only_kwh(gpu_hours: float, tdp_w: float, pue: float = 1.0) -> float:
    """Return energy as model cards count it: GPU-hours x TDP x PUE. Raises InputError for a PUE below 1.

    >>> tdp_only_kwh(1000.0, 700.0)
    700.0
    """
    if pue < 1:
        raise InputError(f"PUE: got {pue:g}; expected at least 1")
    return at_least_zero(gpu_hours, "GPU-hours") * at_least_zero(tdp_w, "TDP, W") / 1000 * pue


def carbon_of(
    facility_kwh: float,
    kg_per_kwh: float,
    *,
    market_kg_per_kwh: float | None = None,
    gpu_hours: float = 0.0,
    embodied_kg_per_gpu: float | None = None,
    life_years: float = 4.0,
) -> Carbon:
    """Return a run's emissions: by place, and where known by contract and of making its GPUs (gpu_hours held).

    market_kg_per_kwh: mean intensity of what is contracted and of the rest.

    >>> carbon_of(1000.0, 0.4, market_kg_per_kwh=0.1, gpu_hours=8766.0, embodied_kg_per_gpu=318.0)
    Carbon(facility_kwh=1000.0, location_kg=400.0, market_kg=100.0, embodied_kg=79.5)
    """
    made = None if embodied_kg_per_gpu is None else embodied_kg(gpu_hours, embodied_kg_per_gpu, life_years)
    contracted = None if market_kg_per_kwh is None else operational_kg(facility_kwh, market_kg_per_kwh)
    location = operational_kg(facility_kwh, kg_per_kwh)
    return Carbon(facility_kwh=facility_kwh, location_kg=location, market_kg=contracted, embodied_kg=made)


def by_grid(facility_kwh: float, intensities: Mapping[str, float]) -> dict[str, float]:
    """Return what the same energy would emit on each grid, kg by its name.

    >>> by_grid(1000.0, {"france": 0.056, "india": 0.713})
    {'france': 56.0, 'india': 713.0}
    """
    return {name: operational_kg(facility_kwh, intensity) for name, intensity in intensities.items()}


def at_least_zero(value: float, what: str) -> float:
    """Return a number that is at least zero; raises InputError, which names it, for another (or for none)."""
    if not 0 <= value < float("inf"):
        raise InputError(f"{what}: got {value:g}; expected a finite number of at least 0")
    return value
