"""From messages between GPUs to messages between NICs: which port, on which rail, by way of which neighbour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.catalog.records import Node
from sim.cluster.fabric.arrays import FloatArray, IntArray
from sim.cluster.fabric.collectives import Flows
from sim.cluster.fabric.routing import Router
from sim.cluster.records import GpuArray
from sim.errors import TopologyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Messages split by what carries them: between NICs, shape (M,), and between scale-up ports, shape (P,).

    flow: which message each part belongs to; a message may have several parts.
    """

    nic_source: IntArray
    nic_target: IntArray
    nic_weight: FloatArray
    nic_flow: IntArray
    port_source: GpuArray
    port_target: GpuArray
    port_weight: FloatArray
    port_flow: IntArray


def nics_of(gpu: GpuArray, node: Node) -> IntArray:
    """Return the endpoints of each GPU, shape (..., rails): GPUs may share a NIC, or own several.

    >>> from sim.cluster.examples import node
    >>> nics_of(np.array([0, 9]), node(gpus=8, nics=4)).tolist()
    [[0], [4]]
    >>> nics_of(np.array([0, 9]), node(gpus=8, nics=16)).tolist()
    [[0, 1], [18, 19]]
    """
    rails = max(1, node.nics // node.accelerators)
    first = gpu // node.accelerators * node.nics + gpu % node.accelerators * node.nics // node.accelerators
    return first[..., None] + np.arange(rails)


def place(flows: Flows, node: Node, router: Router, *, relayed: bool) -> Placed:
    """Return messages on ports and NICs; those within a scale-up domain stay there.

    relayed: a message to another domain goes over scale-up to the GPU of its node that shares the target's rail,
    and leaves there (NCCL's PXN). A GPU with several NICs spreads its messages evenly over them, port i to port i, or
    to the next port that the fabric reaches. Where it reaches none, for rails and planes that do not meet, a message
    goes over scale-up to a GPU of its domain from which it does, whatever the collective.
    Raises TopologyError for a message that finds no way.
    """
    local = flows.source // node.scale_up_domain == flows.target // node.scale_up_domain
    remote = np.flatnonzero(~local)
    if node.nics == 0 and remote.size:
        raise TopologyError(f"node {node.name} has no NIC, but a collective leaves its scale-up domain")
    source, target = flows.source[remote], flows.target[remote]
    sender = _relay(source, target, node) if relayed else source
    if np.any(router.part != 0):
        sender = _reaching(source, sender, target, node, router)
    out, into, share = _ports(sender, target, node, router.part)
    used = share.ravel() > 0
    away = sender != source
    port = np.concatenate([np.flatnonzero(local), remote[away]])
    return Placed(
        nic_source=out.ravel()[used],
        nic_target=into.ravel()[used],
        nic_weight=(flows.weight[remote][:, None] * share).ravel()[used],
        nic_flow=np.repeat(remote, out.shape[1])[used],
        port_source=flows.source[port],
        port_target=np.concatenate([flows.target[local], sender[away]]),
        port_weight=flows.weight[port],
        port_flow=port,
    )


def _ports(sender: GpuArray, target: GpuArray, node: Node, part: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return each message's NICs out and in, and the share that takes them, shape (M, ports of a GPU)."""
    out, own = nics_of(sender, node), nics_of(target, node)
    into, found = own.copy(), np.zeros(out.shape, dtype=np.bool_)
    for shift in range(out.shape[1]):
        other = np.roll(own, -shift, axis=1)
        fits = ~found & (part[out] >= 0) & (part[out] == part[other])
        into[fits] = other[fits]
        found |= fits
    return out, into, found / np.maximum(found.sum(axis=1, keepdims=True), 1)


def _reaching(source: GpuArray, sender: GpuArray, target: GpuArray, node: Node, router: Router) -> GpuArray:
    """Return who sends each message: the sender meant, else the source, else a GPU of its domain that has a path."""
    _require_links(np.concatenate([source, target]), node, router)
    domain = node.scale_up_domain
    chosen, open_ = sender.copy(), np.flatnonzero(~_reaches(sender, target, node, router.part))
    for ahead in range(-1, domain):
        if not open_.size:
            return chosen
        other = source[open_] if ahead < 0 else source[open_] // domain * domain + (target[open_] + ahead) % domain
        fits = _reaches(other, target[open_], node, router.part)
        chosen[open_[fits]] = other[fits]
        open_ = open_[~fits]
    for lost in open_.tolist()[:1]:
        one, other_end = (int(nics_of(each[lost], node)[0]) for each in (source, target))
        names = router.fabric.endpoints
        raise TopologyError(
            f"job stops: node {one // node.nics} has no path to node {other_end // node.nics}: the fabric does not "
            f"join {names[one]} and {names[other_end]}, and "
            + (
                "the node has no scale-up link to relay over"
                if domain == 1
                else "no NIC of its scale-up domain is on the other's side"
            )
        )
    return chosen


def _reaches(sender: GpuArray, target: GpuArray, node: Node, part: IntArray) -> NDArray[np.bool_]:
    """Return which pairs of GPUs have ports that the fabric joins."""
    return np.asarray(_ports(sender, target, node, part)[2].any(axis=1), dtype=np.bool_)


def _require_links(gpus: GpuArray, node: Node, router: Router) -> None:
    """Raise TopologyError for a GPU of which every NIC has lost its link: its neighbours' are not lent."""
    nics = nics_of(np.unique(gpus), node)
    for lost in nics[(router.part[nics] < 0).all(axis=1)][:1].tolist():
        name = router.fabric.endpoints[lost[0]]
        raise TopologyError(f"job stops: node {lost[0] // node.nics} has no path: endpoint {name} has no link")


def _relay(source: GpuArray, target: GpuArray, node: Node) -> GpuArray:
    """Return the GPU of the source's node on the target's rail; the source itself if it is on that rail."""
    if node.scale_up_domain < node.accelerators:
        return source
    rail, own = (gpu % node.accelerators * node.nics // node.accelerators for gpu in (target, source))
    relay = source // node.accelerators * node.accelerators - (-rail * node.accelerators // max(node.nics, 1))
    return np.where(rail == own, source, relay)
