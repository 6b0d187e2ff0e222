"""Epoch's three methods (Cottier et al., arXiv 2405.21015): amortised capex + energy, cloud, acquisition.

The first takes a chip's price, lets it fall with the price-performance of hardware until training begins, and charges
each hour with the rate of that fall; interconnect is a fixed share of the cluster, and energy a share of the TDP. It
has no utilisation, no failures and no people in it. All amounts are in the dollars of `price_index.base`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import log

from sim.ledger.methods.records import View
from sim.ledger.power.carbon import at_least_zero

HOURS_PER_YEAR = 8766.0
DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class CapexInputs:
    """What amortised capex + energy takes.

    price_usd: of a chip with its share of a server, when bought; held_days: from then to the start of training;
    server_price_ratio: of a server over its chips alone; server_power_ratio: of a server's TDP over its chips';
    power_fraction: mean power over TDP; deflator: price index of the base month over that of publication.
    """

    chip_hours: float
    price_usd: float
    held_days: int
    server_price_ratio: float
    tdp_w: float
    server_power_ratio: float
    power_fraction: float
    pue: float
    usd_per_kwh: float
    deflator: float
    progress_oom_per_year: float = 0.14
    interconnect_fraction: float = 0.19


def value_usd(price_usd: float, held_days: int, progress_oom_per_year: float) -> float:
    """Return what is left of a price: P x 10^(-k days / 365.25).

    >>> round(value_usd(24_875, 638, 0.14), 2)
    14165.05
    """
    return float(at_least_zero(price_usd, "price, USD") * 10 ** (-progress_oom_per_year * held_days / DAYS_PER_YEAR))


def charge_per_hour(progress_oom_per_year: float) -> float:
    """Return the share of its value that an hour takes: k ln 10 / 8766, the slope of the fall.

    >>> round(charge_per_hour(0.14) * 8766, 4)
    0.3224
    """
    return progress_oom_per_year * log(10) / HOURS_PER_YEAR


def interconnect_usd(servers_usd: float, fraction: float) -> float:
    """Return the interconnect of a cluster whose share it is: servers x f / (1 - f).

    >>> interconnect_usd(81.0, 0.19)
    19.0
    """
    return servers_usd * fraction / (1 - fraction)


def energy_kwh(inputs: CapexInputs) -> float:
    """Return the energy at the meter: chip-hours x TDP x server ratio x share of the TDP x PUE."""
    server_w = inputs.tdp_w * inputs.server_power_ratio * inputs.power_fraction
    return inputs.chip_hours * server_w / 1000 * inputs.pue


def capex_energy(inputs: CapexInputs) -> View:
    """Return amortised capex + energy: chips, the rest of servers, interconnect, energy, and inflation to the base.

    GPT-4, by hand: 57.0e6 h x 14,165.05 x 0.3224/8766 = 29.69 M, interconnect 6.96 M, energy 3.50 M, x 1.0107.

    >>> gpt4 = CapexInputs(
    ...     chip_hours=57.0e6, price_usd=24_875, held_days=638, server_price_ratio=1.66, tdp_w=400,
    ...     server_power_ratio=6.5 / 8 / 0.4, power_fraction=0.75, pue=1.25, usd_per_kwh=0.0806,
    ...     deflator=119.029 / 117.766,
    ... )
    >>> round(capex_energy(gpt4).total, 2)
    40586592.58
    """
    value = value_usd(inputs.price_usd, inputs.held_days, inputs.progress_oom_per_year)
    hours = at_least_zero(inputs.chip_hours, "chip-hours")
    servers = value * charge_per_hour(inputs.progress_oom_per_year) * hours
    nominal = {
        "chips": servers / inputs.server_price_ratio,
        "rest of servers": servers - servers / inputs.server_price_ratio,
        "interconnect": interconnect_usd(servers, inputs.interconnect_fraction),
        "energy": energy_kwh(inputs) * at_least_zero(inputs.usd_per_kwh, "electricity, USD/kWh"),
    }
    note = "no utilisation, failures, people or data in it"
    return _deflated("Epoch: amortised capex + energy", nominal, inputs.deflator, asdict(inputs), note)


def cloud(chip_hours: float, usd_per_chip_hour: float, deflator: float = 1.0) -> View:
    """Return the cloud method: chip-hours x the rent of an hour with three years committed.

    >>> round(cloud(57.0e6, 1.36, 119.029 / 117.766).total)
    78351375
    """
    given = {"chip_hours": chip_hours, "usd_per_chip_hour": usd_per_chip_hour, "deflator": deflator}
    hours = at_least_zero(chip_hours, "chip-hours")
    rent = hours * at_least_zero(usd_per_chip_hour, "rent, USD a chip-hour")
    return _deflated("Epoch: cloud", {"rent": rent}, deflator, given, "a rent for three years, however long the run is")


def acquisition(chips: float, price_usd: float, deflator: float = 1.0, interconnect_fraction: float = 0.19) -> View:
    """Return the acquisition method: chips x price with their share of servers, and interconnect.

    >>> round(acquisition(25_000, 24_875, 119.029 / 117.766).total)
    775980736
    """
    given = {"chips": chips, "price_usd": price_usd, "deflator": deflator}
    servers = at_least_zero(chips, "chips") * at_least_zero(price_usd, "price, USD")
    nominal = {"servers": servers, "interconnect": interconnect_usd(servers, interconnect_fraction)}
    return _deflated("Epoch: acquisition", nominal, deflator, given, "what was bought, which outlives the run")


def development(staff_usd: float, run: View, experiments: float) -> View:
    """Return a whole development: staff, and the final run's compute times all compute over the final run's.

    >>> run = View(method="", unit="USD", terms={"chips": 10.0, "energy": 1.0})
    >>> development(8.0, run, 2.0).terms
    {'staff': 8.0, 'chips': 20.0, 'energy': 2.0}
    """
    scaled = {name: experiments * amount for name, amount in run.terms.items()}
    given = {"staff_usd": staff_usd, "final_run_usd": run.total, "experiments": experiments}
    return View(method="Epoch: development", unit=run.unit, terms={"staff": staff_usd, **scaled}, inputs=given)


def _deflated(
    method: str, nominal: Mapping[str, float], deflator: float, inputs: Mapping[str, object], note: str
) -> View:
    inflation = (at_least_zero(deflator, "deflator") - 1) * sum(nominal.values())
    terms = {**nominal, "inflation": inflation}
    return View(method=method, unit="USD", terms=terms, inputs=inputs, note=note)
