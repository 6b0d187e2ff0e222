"""Lower bounds of a collective's time: what must cross a cut, over what the cut can carry."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.cluster.fabric.arrays import Fabric, FloatArray, IntArray, components, total
from sim.cluster.fabric.collectives import cut_bytes
from sim.cluster.fabric.placing import nics_of
from sim.cluster.records import Cluster, GpuArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The GPUs divided into parts, and what can enter (or leave) each; part (N,), capacity per part in bytes/s.

    reduces: whether what lies between the parts can add up what passes, so that sums need not come back out of a part.
    """

    part: IntArray
    capacity_bytes_per_s: FloatArray
    reduces: bool = False


def fabric_cuts(cluster: Cluster, fabric: Fabric, *, reduces: bool = False) -> tuple[Cut, ...]:
    """Return a cut below each tier but the lowest: what hangs together without the switches above.

    Leaves under one scale-up domain are one part (its links lie beside the fabric), as are the planes of a rail.
    reduces: whether the fabric's switches do.
    """
    if not fabric.leaf.size:
        return ()
    return tuple(_cut_below(int(tier), cluster, fabric, reduces=reduces) for tier in np.unique(fabric.tier)[1:])


def _cut_below(tier: int, cluster: Cluster, fabric: Fabric, *, reduces: bool) -> Cut:
    switches = len(fabric.switches)
    low = (fabric.tier[fabric.source] < tier) & (fabric.tier[fabric.target] < tier)
    gpus = np.arange(cluster.gpus)
    leaf = fabric.leaf[nics_of(gpus, cluster.node)]
    domain = np.broadcast_to((switches + gpus // cluster.node.scale_up_domain)[:, None], leaf.shape)[leaf >= 0]
    one = np.concatenate([fabric.source[low], leaf[leaf >= 0]])
    other = np.concatenate([fabric.target[low], domain])
    size = switches + int(gpus[-1]) // cluster.node.scale_up_domain + 1
    label = components(one, other, size)
    count = int(label.max()) + 1
    leaving = label[fabric.source] != label[fabric.target]
    return Cut(
        part=label[switches + gpus // cluster.node.scale_up_domain],
        capacity_bytes_per_s=total(label[fabric.source[leaving]], fabric.capacity_bytes_per_s[leaving], count),
        reduces=reduces,
    )


def lower_bound_s_per_byte(
    kind: str,
    groups: GpuArray,
    cluster: Cluster,
    fabric: Fabric,
    cuts: tuple[Cut, ...],
    *,
    scale_up_reduces: bool = False,
    network_reduces: bool = False,
) -> float:
    """Return the fluid lower bound of a collective of all groups at once, in seconds per byte of size.

    Over every cut of `cuts`, every scale-up domain (by the NICs of the GPUs that take part) and every GPU, at line
    rate: max of (bytes that must cross) / capacity; for an all-reduce without reduction in the network also
    sum of 2 (parts - 1) / (capacity of all parts), which for k nodes of g GPUs with a NIC each is
    2 (k - 1) / k / (g B), and S / (g B) with it.
    """
    ends = _end_cuts(groups, cluster, fabric, scale_up_reduces=scale_up_reduces, network_reduces=network_reduces)
    return max(_bound(kind, groups, cut) for cut in (*cuts, *ends))


def _end_cuts(
    groups: GpuArray, cluster: Cluster, fabric: Fabric, *, scale_up_reduces: bool, network_reduces: bool
) -> Iterator[Cut]:
    """Yield the cuts around each scale-up domain and around each GPU that takes part."""
    gpus, node = np.arange(cluster.gpus), cluster.node
    domain = gpus // node.scale_up_domain
    port = np.full(gpus.size, cluster.accelerator.scale_up_bandwidth_bytes_per_s)
    if not np.any(np.diff(domain[groups], axis=1)):
        yield Cut(part=gpus, capacity_bytes_per_s=port, reduces=scale_up_reduces)
        return
    nics = nics_of(gpus, node)
    capacity = port + fabric.nic_capacity_bytes_per_s[nics].sum(axis=1)
    yield Cut(part=gpus, capacity_bytes_per_s=capacity, reduces=scale_up_reduces or network_reduces)
    used = np.unique(nics[np.unique(groups)])
    owner = used * node.accelerators // max(node.nics, 1) // node.scale_up_domain
    shared = total(owner, fabric.nic_capacity_bytes_per_s[used], int(domain[-1]) + 1)
    yield Cut(part=domain, capacity_bytes_per_s=shared, reduces=network_reduces)


def _bound(kind: str, groups: GpuArray, cut: Cut) -> float:
    label, parts = cut.part[groups], cut.capacity_bytes_per_s.size
    if kind == "p2p":
        crossing = (label[:, 0] != label[:, 1]).astype(np.float64)
        return _slowest(total(label[:, 1], crossing, parts), cut)
    row = np.repeat(np.arange(groups.shape[0]), groups.shape[1])
    key, inside = np.unique(row * parts + label.ravel(), return_counts=True)
    part = key % parts
    bound = _slowest(total(part, cut_bytes(kind, groups.shape[1], inside), parts), cut)
    if kind == "all-reduce" and not cut.reduces and key.size > groups.shape[0]:
        whole = 2.0 * int(key.size - groups.shape[0])
        capacity = float(cut.capacity_bytes_per_s[np.unique(part)].sum())
        return max(bound, whole / capacity)
    return bound


def _slowest(crossing: FloatArray, cut: Cut) -> float:
    needed = crossing > 0
    return float((crossing[needed] / cut.capacity_bytes_per_s[needed]).max(initial=0.0))
