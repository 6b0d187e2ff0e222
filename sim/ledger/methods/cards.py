"""Cost and carbon as model cards and reports tell them: GPU-hours, tonnes at TDP, dollars a GPU-hour."""

from collections.abc import Mapping

from sim.ledger.methods.records import View
from sim.ledger.power.carbon import at_least_zero, operational_kg, tdp_only_kg

USD_PER_GPU_HOUR = 2.0
"""The rent of an H800 that DeepSeek-V3's report assumes (arXiv 2412.19437, table 1; 2024-12, published)."""


def gpu_hours_view(job_gpu_hours: float, spare_gpu_hours: float = 0.0) -> View:
    """Return the GPU-hours of a card: those of the job; spares are held, and no card counts them.

    >>> gpu_hours_view(30.84e6, 0.36e6).total
    30840000.0
    """
    return View(
        method="model card: GPU-hours",
        unit="GPU-hour",
        terms={"job": at_least_zero(job_gpu_hours, "GPU-hours")},
        inputs={"job_gpu_hours": job_gpu_hours, "left_out_gpu_hours": at_least_zero(spare_gpu_hours, "GPU-hours")},
        note="failures and restarts of the job are in it; spares, head nodes, experiments and failed runs are not",
    )


def card_carbon_view(gpu_hours: float, tdp_w: float, kg_per_kwh: float, pue: float = 1.0) -> View:
    """Return the emissions of a card: GPU-hours x TDP x PUE x intensity, split into chips and the rest of the site.

    >>> round(card_carbon_view(30.84e6, 700.0, 0.4137).total / 1000)
    8931
    """
    chips = tdp_only_kg(gpu_hours, tdp_w, kg_per_kwh)
    return View(
        method="model card: tCO2e",
        unit="kgCO2e",
        terms={"chips at TDP": chips, "site": tdp_only_kg(gpu_hours, tdp_w, kg_per_kwh, pue) - chips},
        inputs={"gpu_hours": gpu_hours, "tdp_w": tdp_w, "kg_per_kwh": kg_per_kwh, "pue": pue},
        note="chips draw less than TDP, servers and network more than nothing: neither is in it, nor is making them",
    )


def metered_carbon_view(it_kwh: float, kg_per_kwh: float, pue: float) -> View:
    """Return location-based emissions of the energy that a run drew: of IT, and of what PUE adds to it.

    >>> metered_carbon_view(1000.0, 0.4, 1.5).terms
    {'IT': 400.0, 'site': 200.0}
    """
    drawn = operational_kg(it_kwh, kg_per_kwh)
    return View(
        method="metered: tCO2e",
        unit="kgCO2e",
        terms={"IT": drawn, "site": operational_kg(pue * it_kwh, kg_per_kwh) - drawn},
        inputs={"it_kwh": it_kwh, "kg_per_kwh": kg_per_kwh, "pue": pue},
        note="nodes by what they did, network and storage; neither contracts nor making them are in it",
    )


def rate_view(gpu_hours: Mapping[str, float], usd_per_gpu_hour: float = USD_PER_GPU_HOUR) -> View:
    """Return a cost as GPU-hours by phase x one price of an hour.

    DeepSeek-V3: 2.664 M hours of pre-training, 0.119 M of context extension, 0.005 M after it, at $2.

    >>> round(rate_view({"pre-training": 2.664e6, "context": 0.119e6, "post-training": 0.005e6}).total)
    5576000
    """
    price = at_least_zero(usd_per_gpu_hour, "price, USD a GPU-hour")
    return View(
        method=f"${price:g} a GPU-hour",
        unit="USD",
        terms={phase: at_least_zero(hours, f"GPU-hours of {phase}") * price for phase, hours in gpu_hours.items()},
        inputs={"gpu_hours": dict(gpu_hours), "usd_per_gpu_hour": usd_per_gpu_hour},
        note="of the final run only: no experiments, failed runs, people or data",
    )
