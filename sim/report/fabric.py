"""What `topology --json` prints: counts, diameter, bisection, bill of materials and bus bandwidth of a fabric."""

from pathlib import Path
from typing import Any

import numpy as np

from sim import catalog
from sim.cluster.bom import bill_of_materials, capex_usd, port_use, power_w
from sim.cluster.build import build_bare, endpoint_cluster
from sim.cluster.describe import describe
from sim.cluster.network import Network
from sim.cluster.placement import groups
from sim.cluster.records import BomLine, Cluster, NetworkSettings
from sim.cluster.resilience import SEEDS, after_losses, busbw_over_seeds
from sim.errors import ScenarioError, TopologyError, unknown_name
from sim.report.drawing.picture import fabric_svg, subject_of
from sim.scenario import Scenario, load_scenario, preset_names
from sim.simulate import ROUTING, Machine, build_machine, placed_ranks
from topologies import FAMILIES
from topologies.files import write_graph

BUSBW_BYTES = float(2**30)
"""Message size of the bus bandwidths that `topology` prints."""

DEFAULT_TECHNOLOGY = "infiniband"
"""Technology of a kind on the command line that does not say `technology=ethernet`, unless its family is of another."""

DEFAULT_PRICES = "2026-owned"

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
"""What all GPUs can do together, the first where none is named."""


def topology_json(
    target: str, arguments: dict[str, object], collective: str | None, allow_plugins: bool = False
) -> dict[str, Any]:
    """Return the answer for a scenario's fabric, or for a kind of topology with one GPU an endpoint.

    A kind takes its function's arguments and `technology`. Raises InputError for what cannot be built.
    """
    if collective is not None and collective not in COLLECTIVES:
        raise unknown_name("collective", collective, COLLECTIVES, "--collective")
    if target in FAMILIES or ":" in target:
        return _kind_json(target, dict(arguments), collective, allow_plugins)
    if not (target in preset_names() or target.endswith(".toml") or "/" in target):
        raise unknown_name("kind of topology or preset", target, [*FAMILIES, *preset_names()])
    if arguments:
        raise ScenarioError(
            f"{target}: got {', '.join(arguments)}; expected no arguments: a scenario states those of its topology"
        )
    scenario = load_scenario(target)
    machine = build_machine(scenario, allow_plugins)
    if machine is None:
        raise ScenarioError(f"{target}: cluster.topology: this scenario has none")
    node = scenario.machines.node
    job = np.arange(scenario.machines.gpus, dtype=np.int64).reshape(1, -1)
    answer = _fabric_json(machine, node.network_technology, job, collective)
    return {**answer, "groups": _groups_json(machine, scenario)}


def fabric_text(target: str, arguments: dict[str, object], ending: str, allow_plugins: bool = False) -> str:
    """Return the graph of a scenario's fabric, or of a kind of topology, in the format of a file name's ending.

    Raises InputError for what cannot be built or written so; `topology_json` says more of the arguments.
    """
    try:
        return write_graph(_cluster(target, arguments, allow_plugins).graph, ending)
    except ValueError as error:
        raise TopologyError(f"--{error}") from error


def fabric_picture(
    target: str, arguments: dict[str, object], facts: dict[str, Any], allow_plugins: bool = False
) -> str:
    """Return the drawing of a scenario's fabric, or of a kind of topology, as SVG; facts: its answer."""
    cluster = _cluster(target, arguments, allow_plugins)
    return fabric_svg(Path(target).stem, subject_of(cluster, facts), facts)


def _cluster(target: str, arguments: dict[str, object], allow_plugins: bool) -> Cluster:
    """Return the cluster of a scenario in its health, or of a kind of topology with one GPU an endpoint."""
    if target in FAMILIES or ":" in target:
        own = {name: value for name, value in arguments.items() if name != "technology"}
        return endpoint_cluster(build_bare(target, own, allow_plugins))
    machine = build_machine(load_scenario(target), allow_plugins)
    if machine is None:
        raise ScenarioError(f"{target}: cluster.topology: this scenario has none")
    return machine.cluster


def _groups_json(machine: Machine, scenario: Scenario) -> dict[str, dict[str, float]]:
    """Return the max-min fair bus bandwidth of the job's own groups, all of a dimension at once: slowest to fastest."""
    if scenario.training is None:
        return {}
    layout = scenario.training.phases[-1].layout
    placement = placed_ranks(scenario, layout, machine.cluster)
    members = groups(layout.tensor, layout.pipeline, layout.data, placement, context=layout.context)
    asked = {
        "context": ("all-gather", members.context),
        "data": ("all-gather", members.data),
        "pipeline": ("p2p", members.pipeline),
    }
    answer = {}
    for dimension, (kind, gpus) in asked.items():
        if gpus.size and gpus.shape[1] > 1:
            slowest, median, fastest = np.quantile(machine.network.group_rates(kind, gpus), (0, 0.5, 1)).tolist()
            answer[dimension] = {"slowest": slowest, "median": median, "fastest": fastest}
    return answer


def _kind_json(kind: str, arguments: dict[str, object], collective: str | None, allow_plugins: bool) -> dict[str, Any]:
    asked = arguments.pop("technology", None)
    graph = build_bare(kind, arguments, allow_plugins)
    technology = str(asked or graph.graph.get("technology", DEFAULT_TECHNOLOGY))
    cluster = endpoint_cluster(graph)
    settings = NetworkSettings(routing=ROUTING.get(technology, "adaptive"))
    machine = Machine(cluster=cluster, network=Network(cluster, settings), settings=settings)
    return _fabric_json(machine, technology, np.arange(cluster.gpus, dtype=np.int64).reshape(1, -1), collective)


def _fabric_json(machine: Machine, technology: str, job: Any, collective: str | None) -> dict[str, Any]:
    graph, prices = machine.cluster.graph, catalog.price_book(DEFAULT_PRICES)
    fabric = bill_of_materials(graph, technology=technology, switches=catalog.switches(), cables=catalog.cables())
    kind = collective or COLLECTIVES[0]
    if job.size < 2:
        raise TopologyError(f"bus bandwidth: got {job.size} GPU, expected at least 2 that exchange something")
    cost = machine.network.cost(kind, job, BUSBW_BYTES)
    return {
        **describe(graph, machine.cluster.gpus),
        "technology": technology,
        "routing": machine.settings.routing,
        "capex_usd": float(capex_usd(fabric, prices)),
        "prices": prices.name,
        "power_w": power_w(fabric),
        "busbw": {kind: cost.busbw_bytes_per_s},
        "collective": {
            "kind": kind,
            "algorithm": cost.algorithm,
            "bottleneck": cost.bottleneck,
            "load": cost.load,
            "time_s": cost.time_s,
            "lower_bound_s": cost.lower_bound_s,
            **_hashed_json(machine, kind, job, cost.algorithm),
        },
        "after_loss": [
            {"lost": each.lost, "name": each.name, "remaining": each.remaining}
            for each in after_losses(machine.network, kind, job, BUSBW_BYTES, cost.algorithm)
        ],
        "ports": [
            {"name": use.name, "used": use.used, "left": use.left}
            for use in port_use(graph, technology=technology, switches=catalog.switches())
        ],
        "groups": {},
        "bom": [_line_json(line, prices) for line in fabric],
    }


def _hashed_json(machine: Machine, kind: str, job: Any, algorithm: str) -> dict[str, Any]:
    """Return bus bandwidths over seeds of the hash, nothing where flows are not hashed."""
    if machine.settings.sharing == "ideal" or machine.settings.routing != "ecmp":
        return {}
    half, most = busbw_over_seeds(machine.network, kind, job, BUSBW_BYTES, algorithm)
    return {"seeds": SEEDS, "busbw_p50": half, "busbw_p95": most}


def _line_json(line: BomLine, prices: Any) -> dict[str, Any]:
    price = prices.prices.get(f"{line.item}/{line.name}")
    return {
        "item": line.item,
        "name": line.name,
        "count": line.count,
        "power_w": line.power_w,
        "price_usd": None if price is None else price.value,
    }
