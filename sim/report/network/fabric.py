"""What `topology --json` prints: counts, diameter, bisection, bill of materials and bus bandwidth of a fabric."""

from pathlib import Path
from typing import Any

import numpy as np

from sim import catalog
from sim.cluster.bom import bill_of_materials, capex_usd, port_use, power_w
from sim.cluster.build import build_bare, endpoint_cluster
from sim.cluster.describe import describe
from sim.cluster.fabric.fluid import PACKET_BAND, SOURCES
from sim.cluster.front_end import FrontEnd, joined
from sim.cluster.inside import whole_graph
from sim.cluster.network import Network
from sim.cluster.placement import groups
from sim.cluster.records import BomLine, Cluster, CollectiveCost, NetworkSettings
from sim.cluster.resilience import MANY_RANKS, SEEDS, SEEDS_OF_MANY, after_losses, busbw_over_seeds
from sim.errors import ScenarioError, TopologyError, unknown_name
from sim.machine import ROUTING, Machine, build_machine, placed_ranks
from sim.report.drawing.picture import fabric_svg, subject_of
from sim.report.network.front_end import front_end_json
from sim.report.network.inside import inside_json
from sim.scenario import Scenario, load_scenario, scenario_names
from topologies import FAMILIES
from topologies.files import write_graph

BUSBW_BYTES = float(2**30)
"""Message size of the bus bandwidths that `topology` prints."""

TABLE_BYTES = tuple(float(2**power) for power in range(10, 36, 2))
"""Message sizes of the table that `--collective` asks for: 1 KiB to 16 GiB."""

DEFAULT_TECHNOLOGY = "infiniband"
"""Technology of a kind on the command line that does not say `technology=ethernet`, unless its family is of another."""

DEFAULT_PRICES = "2026-owned"

FABRIC_ONLY = (".txt", ".yaml", ".yml")
"""Endings of ASTRA-sim's network files, which know the compute fabric alone."""

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")
"""What all GPUs can do together, the first where none is named."""


def topology_json(
    target: str,
    arguments: dict[str, object],
    collective: str | None,
    allow_plugins: bool = False,
    inside: bool = False,
) -> dict[str, Any]:
    """Return the answer for a scenario's fabric, or for a kind of topology with one GPU an endpoint.

    A kind takes its function's arguments and `technology`; inside: the inside of a scenario's nodes too. Raises
    InputError for what cannot be built.
    """
    if inside and (target in FAMILIES or ":" in target):
        raise ScenarioError(f"--inside: a kind of topology such as {target} has no nodes; expected a scenario")
    if collective is not None and collective not in COLLECTIVES:
        raise unknown_name("collective", collective, COLLECTIVES, "--collective")
    if target in FAMILIES or ":" in target:
        return _kind_json(target, dict(arguments), collective, allow_plugins)
    if not (target in scenario_names() or target.endswith(".toml") or "/" in target):
        raise unknown_name("kind of topology or preset", target, [*FAMILIES, *scenario_names()])
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
    answer["groups"] = _groups_json(machine, scenario)
    if inside:
        answer["inside"] = inside_json(machine.cluster)
    if machine.front_end is not None:
        answer["front_end"] = front_end_json(machine.front_end, scenario, catalog.price_book(DEFAULT_PRICES))
    return answer


def fabric_text(
    target: str, arguments: dict[str, object], ending: str, allow_plugins: bool = False, inside: bool = False
) -> str:
    """Return the graph of a scenario's fabric, or of a kind of topology, in the format of a file name's ending.

    inside: with the inside of every node. A front end is in it, except where the file feeds a simulator of collectives,
    which knows the compute fabric only.
    Raises InputError for what cannot be built or written so; `topology_json` says more of the arguments.
    """
    if inside and ending in FABRIC_ONLY:
        raise ScenarioError(f"--inside: files in {ending} hold the fabric alone; expected .graphml, .json or .dot")
    cluster, front_end = _wired(target, arguments, allow_plugins)
    graph = whole_graph(cluster) if inside else cluster.graph
    if front_end is not None and ending not in FABRIC_ONLY:
        graph = joined(graph, front_end)
    try:
        return write_graph(graph, ending)
    except ValueError as error:
        raise TopologyError(f"--{error}") from error


def fabric_picture(
    target: str, arguments: dict[str, object], facts: dict[str, Any], allow_plugins: bool = False
) -> str:
    """Return the drawing of a scenario's fabric, or of a kind of topology, as SVG; facts: its answer."""
    cluster, _ = _wired(target, arguments, allow_plugins)
    return fabric_svg(Path(target).stem, subject_of(cluster, facts), facts)


def _wired(target: str, arguments: dict[str, object], allow_plugins: bool) -> tuple[Cluster, FrontEnd | None]:
    """Return the cluster of a scenario in its health, and its front end; or of a kind, with one GPU an endpoint."""
    if target in FAMILIES or ":" in target:
        own = {name: value for name, value in arguments.items() if name != "technology"}
        return endpoint_cluster(build_bare(target, own, allow_plugins)), None
    machine = build_machine(load_scenario(target), allow_plugins)
    if machine is None:
        raise ScenarioError(f"{target}: cluster.topology: this scenario has none")
    return machine.cluster, machine.front_end


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
            **_packets_json(machine, cost),
            **_hashed_json(machine, kind, job, cost.algorithm),
            **({} if collective is None else {"by_size": _by_size(machine.network, kind, job)}),
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


def _by_size(network: Network, kind: str, job: Any) -> list[dict[str, Any]]:
    """Return what nccl-tests would print, launches excepted: time, bandwidth of the algorithm and of the bus by size.

    Bound by latency where no bytes at all take at least half as long.
    """
    costs = [(size, network.cost(kind, job, size)) for size in TABLE_BYTES]
    empty_s = network.cost(kind, job, 0.0).time_s
    return [
        {
            "size_bytes": size,
            "time_s": cost.time_s,
            "algbw": size / cost.time_s,
            "busbw": cost.busbw_bytes_per_s,
            "algorithm": cost.algorithm,
            "protocol": cost.protocol,
            "bottleneck": "latency" if empty_s >= cost.time_s / 2 else cost.bottleneck,
        }
        for size, cost in costs
    ]


def _packets_json(machine: Machine, cost: CollectiveCost) -> dict[str, Any]:
    """Return the band of times that a fluid cannot see, nothing where the fabric is not shared or does not bind."""
    if machine.settings.sharing == "ideal" or cost.bottleneck == "scale-up":
        return {}
    low, high = PACKET_BAND
    said = SOURCES["PACKET_BAND"]
    return {"packets": {"time_s": [low * cost.time_s, high * cost.time_s], "kind": said.kind, "source": said.source}}


def _hashed_json(machine: Machine, kind: str, job: Any, algorithm: str) -> dict[str, Any]:
    """Return bus bandwidths over seeds of the hash, nothing where flows are not hashed."""
    if machine.settings.sharing == "ideal" or machine.settings.routing != "ecmp":
        return {}
    seeds = SEEDS_OF_MANY if kind == "all-to-all" and job.shape[1] >= MANY_RANKS else SEEDS
    half, most = busbw_over_seeds(machine.network, kind, job, BUSBW_BYTES, algorithm, seeds)
    return {"seeds": seeds, "busbw_p50": half, "busbw_p95": most}


def _line_json(line: BomLine, prices: Any) -> dict[str, Any]:
    price = prices.prices.get(f"{line.item}/{line.name}")
    return {
        "item": line.item,
        "name": line.name,
        "count": line.count,
        "power_w": line.power_w,
        "price_usd": None if price is None else price.value,
    }
