"""One simulated run under every method, with its own bill's two marginals and its emissions on every grid."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from sim.analysis.cost.machines import book_price
from sim.analysis.cost.records import reference
from sim.analysis.cost.rows import number
from sim.analysis.cost.rules.runs import GRID, simulated
from sim.analysis.cost.rules.shares import RUN, bill, simulated_shares
from sim.ledger.methods.views import RunFacts, method_views, view_json
from sim.ledger.power.carbon import by_grid, carbon_of, tdp_only_kwh
from sim.ledger.power.energy import facility_kwh

PUBLISHED = date(2024, 7, 23)
"""Of Llama 3.1 405B, which the scenario is of: it dates prices and dollars of Epoch's methods."""

FLEET = "pue_Meta_fleet"


def run_facts() -> RunFacts:
    """Return what the methods need of the simulated run; grid and PUE as the rows of its card take them."""
    result = simulated(RUN)
    machines = result.scenario.machines
    return RunFacts(
        model="Llama 3.1-405B",
        accelerator=machines.accelerator.name,
        held_gpu_hours=result.summary.gpu_hours,
        job_gpu_hours=result.summary.job_gpu_hours,
        chips=machines.gpus + machines.spare_nodes * machines.node.accelerators,
        tdp_w=machines.accelerator.tdp_w,
        kg_per_kwh=number(reference()[GRID]) / 1000,
        pue=number(reference()[FLEET]),
        published=PUBLISHED,
        it_kwh=_it_kwh(),
    )


def _it_kwh() -> float:
    energy = simulated(RUN).energy
    assert energy is not None, "the scenario that ships is billed"
    return facility_kwh(energy, 1.0)


def simulated_methods() -> dict[str, Any]:
    """Return the JSON of the simulated run: what each method says, its bill, and its energy and carbon."""
    by_item, by_state = bill()
    shares = simulated_shares()
    return {
        "scenario": RUN,
        "bill_usd": sum(by_item.values()),
        "methods": [view_json(view) for view in method_views(run_facts())],
        "shares_by_item": dict(shares.by_component),
        "shares_by_state": dict(shares.by_state),
        "failed_runs": shares.failed_runs,
        "cost": by_item,
        "cost_by_state": by_state,
        "carbon": _carbon_json(),
    }


def _carbon_json() -> dict[str, Any]:
    """Return energy at the meter beside chips at TDP, what the former emits on each grid, and making the GPUs.

    Making is that of an A100: of an H100 no figure is stored that says what it is spread over.
    """
    facts = run_facts()
    at_meter, made = facts.pue * _it_kwh(), reference()["embodied_a100"]
    carbon = carbon_of(
        at_meter,
        facts.kg_per_kwh,
        gpu_hours=facts.held_gpu_hours,
        embodied_kg_per_gpu=number(made),
        life_years=book_price("life/server"),
    )
    return {
        **asdict(carbon),
        "tdp_only_kwh": tdp_only_kwh(facts.job_gpu_hours, facts.tdp_w),
        "location_kg_by_grid": by_grid(at_meter, {name.removeprefix("ci_"): each for name, each in _grids().items()}),
    }


def _grids() -> Mapping[str, float]:
    return {name: number(entry) / 1000 for name, entry in reference().items() if name.startswith("ci_")}
