"""All methods on one run: what each would say that it cost, or emitted, and why they differ."""

import datetime
from dataclasses import asdict, dataclass
from typing import Any

from sim.ledger.methods.cards import USD_PER_GPU_HOUR, card_carbon_view, gpu_hours_view, metered_carbon_view, rate_view
from sim.ledger.methods.lookup import Run, epoch_views
from sim.ledger.methods.records import Missing, View


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the methods need of a run, simulated or published.

    held_gpu_hours: spares included; job_gpu_hours: of the job, as cards count; chips: held. published: when a paper
    would tell of it, which dates prices and dollars; start: of training, and bought: when the chips were, if known.
    tdp_w: of one GPU; it_kwh: what the run drew, None where it was not metered.
    """

    model: str
    accelerator: str
    held_gpu_hours: float
    job_gpu_hours: float
    chips: float | None
    tdp_w: float
    kg_per_kwh: float
    pue: float
    published: datetime.date
    start: datetime.date | None = None
    bought: datetime.date | None = None
    it_kwh: float | None = None
    organization: str = ""
    usd_per_gpu_hour: float = USD_PER_GPU_HOUR


def method_views(facts: RunFacts) -> tuple[View | Missing, ...]:
    """Return what every method says of a run, in dollars of its own base, GPU-hours or kg CO2e.

    Epoch's methods take all GPU-hours held; cards and dollars a GPU-hour those of the job.
    """
    run = Run(
        model=facts.model,
        hardware=facts.accelerator,
        chip_hours=facts.held_gpu_hours,
        chips=facts.chips,
        published=facts.published,
        start=facts.start,
        bought=facts.bought,
        organization=facts.organization,
    )
    return (
        *epoch_views(run).values(),
        rate_view({"job": facts.job_gpu_hours}, facts.usd_per_gpu_hour),
        gpu_hours_view(facts.job_gpu_hours, facts.held_gpu_hours - facts.job_gpu_hours),
        card_carbon_view(facts.job_gpu_hours, facts.tdp_w, facts.kg_per_kwh, facts.pue),
        _metered(facts),
    )


def _metered(facts: RunFacts) -> View | Missing:
    if facts.it_kwh is None:
        return Missing(method="metered: tCO2e", reason="the energy that the run drew is not known")
    return metered_carbon_view(facts.it_kwh, facts.kg_per_kwh, facts.pue)


def view_json(view: View | Missing) -> dict[str, Any]:
    """Return a view as JSON: its total and terms, or why there is none."""
    if isinstance(view, Missing):
        return {"method": view.method, "unit": None, "total": None, "terms": {}, "inputs": {}, "note": view.reason}
    return {**asdict(view), "terms": dict(view.terms), "total": view.total}
