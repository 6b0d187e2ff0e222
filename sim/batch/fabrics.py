"""What a variant's network is made of, and what that costs."""

from collections.abc import Mapping
from dataclasses import dataclass

from sim import catalog
from sim.catalog.records import PriceBook
from sim.cluster.bom import capex_usd, power_w
from sim.cluster.contract import link_counts
from sim.cluster.describe import describe
from sim.machine import materials
from sim.scenario import Scenario
from sim.simulate import Prepared

DEFAULT_BOOK = "2026-owned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """What a variant's network is made of: its graph's facts and, in dated prices, what it costs and draws."""

    gpus: int
    switches: int
    switches_by_tier: Mapping[str, int]
    cables: int
    optics: int
    diameter_hops: int
    bisection_bytes_per_s: float
    capex_usd: float
    power_w: float


def fabric_of(prepared: Prepared) -> Fabric | None:
    """Return what a job's network is made of, None where it has none; optics count the fibres between transceivers."""
    machine = prepared.machine
    if machine is None:
        return None
    graph = machine.cluster.graph
    facts = describe(graph, machine.cluster.gpus)
    bill = [line for line in prepared.bill or materials(machine) if line.item != "server"]
    return Fabric(
        gpus=facts["gpus"],
        switches=facts["switches"],
        switches_by_tier=facts["switches_by_tier"],
        cables=facts["links_total"],
        optics=sum(
            links * count
            for (medium, count), links in link_counts(graph, "medium", "count").items()
            if medium == "optic"
        ),
        diameter_hops=facts["diameter_hops"],
        bisection_bytes_per_s=facts["bisection_bytes_per_s"],
        capex_usd=float(capex_usd(bill, _book(prepared.scenario))),
        power_w=power_w(bill),
    )


def _book(scenario: Scenario) -> PriceBook:
    """Return the scenario's own prices where the network is bought, and else those of the catalog: rents have none."""
    billing = scenario.billing
    return billing.prices if billing is not None and billing.acquisition == "own" else catalog.price_book(DEFAULT_BOOK)
