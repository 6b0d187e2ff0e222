"""Energy of a run: the power of a GPU in each state, times the time spent there, as exact integers.

One GPU and its share of the server around it draw one of four levels of power:

- busy: kernels run (`Accelerator.busy_w`, `Node.overhead_busy_w`);
- communicating: ranks spin in a collective or a receive (`Accelerator.communicating_w`, `Node.overhead_busy_w`);
- idle: powered, no kernel (`Accelerator.idle_w`, `Node.overhead_idle_w`);
- off: nothing; a node in repair is taken as powered off.

Assumption: network and storage draw constant power for the whole run, whatever the job does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sim.catalog.records import Accelerator, Node, Storage
from sim.cluster.records import BomLine
from sim.ledger.time.apportion import split
from sim.ledger.time.time_ledger import Key, TimeLedger, net_gpu_us
from sim.ledger.time.trace import RECLASSIFIED_STATES
from sim.workload.profile import StepProfile

POWER_LEVELS: Mapping[str, str] = {
    "compute_ideal": "busy",
    "kernel_inefficiency": "busy",
    "recompute": "busy",
    "optimizer": "busy",
    "throttle": "communicating",
    "step": "busy",
    "bubble": "communicating",
    "comm_tensor": "communicating",
    "comm_context": "communicating",
    "comm_expert": "communicating",
    "comm_pipeline": "communicating",
    "comm_data": "communicating",
    "imbalance": "communicating",
    "straggler": "communicating",
    "input_stall": "idle",
    "detect": "idle",
    "diagnose": "idle",
    "drain": "idle",
    "replace": "idle",
    "schedule": "idle",
    "initialize": "idle",
    "restore": "idle",
    "warm_up": "busy",
    "checkpoint": "communicating",
    "evaluation": "busy",
    "wait_for_node": "idle",
    "spare": "idle",
    "repair": "off",
    "maintenance": "idle",
    "idle": "idle",
}
"""Level of power by state (assumed). While a failure is detected ranks are taken as crashed, not as spinning."""

NJ_PER_KWH = 3_600_000 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyLedger:
    """IT energy of a run in integer nanojoules (milliwatt microseconds), by (state, cause, phase).

    it_nj holds nodes, network and storage; network and storage are shared out by GPU-time. chips_nj: what the GPUs drew
    of nodes_nj. peak_it_w: every
    held node at its highest level, plus network and storage.
    """

    it_nj: Mapping[Key, int]
    chips_nj: int
    nodes_nj: int
    network_nj: int
    storage_nj: int
    peak_it_w: float


def gpu_power_w(accelerator: Accelerator, node: Node) -> dict[str, float]:
    """Return the power of one GPU with its share of the server, by level.

    P(level) = accelerator power + server overhead / accelerators of the node.
    """
    busy_w, idle_w = node.overhead_busy_w / node.accelerators, node.overhead_idle_w / node.accelerators
    return {
        "busy": accelerator.busy_w + busy_w,
        "communicating": accelerator.communicating_w + busy_w,
        "idle": accelerator.idle_w + idle_w,
        "off": 0.0,
    }


def network_power_w(bill: Sequence[BomLine]) -> float:
    """Return the constant power of a bill's switches and cables (server lines are the nodes: not counted here)."""
    return sum(line.count * line.power_w for line in bill if line.item != "server")


def storage_power_w(storage: Storage) -> float:
    """Return the constant power of the store's servers."""
    return storage.servers * storage.server_power_w


def nameplate_w(node: Node, nodes: int, bill: Sequence[BomLine], storage: Storage) -> float:
    """Return the IT nameplate: what nodes, network and storage may draw at most; facilities are sized by it."""
    return nodes * node.nameplate_w + network_power_w(bill) + storage_power_w(storage)


def peak_it_w(node: Node, accelerator: Accelerator, gpus: int, bill: Sequence[BomLine], storage: Storage) -> float:
    """Return the most that IT draws: every GPU held at its highest level, with network and storage."""
    return gpus * max(gpu_power_w(accelerator, node).values()) + network_power_w(bill) + storage_power_w(storage)


def energy_ledger(
    ledger: TimeLedger,
    profiles: Sequence[StepProfile | None],
    node: Node,
    accelerator: Accelerator,
    bill: Sequence[BomLine],
    storage: Storage,
) -> EnergyLedger:
    """Return the IT energy of a run: kWh = sum over states of P(state) x t, exactly additive.

    Lost work and work in flight draw the mean power of their phase's step, sum f(state) P(state): moving
    time there moves its energy along (of a step on a damaged network, that of the whole one's). Powers are rounded to a
    milliwatt.
    """
    power_w = gpu_power_w(accelerator, node)
    power_mw = {state: round(1000 * power_w[level]) for state, level in POWER_LEVELS.items()}
    time = net_gpu_us(ledger)
    nodes = _node_energies_nj(time, power_mw, profiles)
    network_nj = round(1000 * network_power_w(bill)) * ledger.wall_us
    storage_nj = round(1000 * storage_power_w(storage)) * ledger.wall_us
    chip_w = {"busy": accelerator.busy_w, "communicating": accelerator.communicating_w, "idle": accelerator.idle_w}
    chip_mw = {state: round(1000 * chip_w.get(level, 0.0)) for state, level in POWER_LEVELS.items()}
    shared = split(network_nj + storage_nj, list(time.values()))
    return EnergyLedger(
        it_nj={key: nodes[key] + share for key, share in zip(time, shared, strict=True)},
        chips_nj=sum(_node_energies_nj(time, chip_mw, profiles).values()),
        nodes_nj=sum(nodes.values()),
        network_nj=network_nj,
        storage_nj=storage_nj,
        peak_it_w=peak_it_w(node, accelerator, ledger.gpus, bill, storage),
    )


def _node_energies_nj(
    time: Mapping[Key, int], power_mw: Mapping[str, int], profiles: Sequence[StepProfile | None]
) -> dict[Key, int]:
    steps = [
        None if profile is None else sum(held * power_mw[state] for state, held in profile.state_ns.items())
        for profile in profiles
    ]
    energies = {}
    for key, gpu_us in time.items():
        state, _, phase = key
        if state not in RECLASSIFIED_STATES:
            energies[key] = gpu_us * power_mw[state]
        elif (profile := profiles[phase]) is None:
            energies[key] = gpu_us * power_mw["step"]
        else:
            energies[key] = gpu_us * (steps[phase] or 0) // sum(profile.state_ns.values())
    return energies


def kwh(energy_nj: int) -> float:
    """Return nanojoules in kilowatt-hours.

    >>> kwh(3_600_000_000_000_000)
    1.0
    """
    return energy_nj / NJ_PER_KWH


def kwh_by_state(energy: EnergyLedger) -> dict[str, float]:
    """Return the IT energy in kWh by state, network and storage shared out by GPU-time."""
    totals: dict[str, int] = {}
    for key, amount in energy.it_nj.items():
        totals[key.state] = totals.get(key.state, 0) + amount
    return {state: kwh(amount) for state, amount in totals.items()}


def facility_kwh(energy: EnergyLedger, pue: float) -> float:
    """Return the energy at the meter: PUE (power usage effectiveness) x IT energy."""
    return pue * kwh(sum(energy.it_nj.values()))


def co2e_kg(energy: EnergyLedger, pue: float, carbon_kg_per_kwh: float) -> float:
    """Return the operational emissions by location, facility kWh x kg CO2e per kWh; without embodied carbon."""
    return facility_kwh(energy, pue) * carbon_kg_per_kwh
