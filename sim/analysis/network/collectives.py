"""NCCL's published curves and points, and DeepEP's rows."""

import re
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from sim.analysis.network.rows import NODES, SCORED_BYTES, Compared, Entry, Skipped, machine
from sim.cluster.fabric.protocols import LAUNCH_S
from sim.cluster.network import Network, distinct_domains
from sim.cluster.records import CollectiveCost

_ACCELERATOR = re.compile("|".join(NODES))
LAUNCH_BYTES = float(64 * 2**10)
"""Smaller messages tell what a benchmark's host takes to launch."""

LARGE_BYTES = float(8 * 2**30)
"""Message of a published peak that does not name one."""

TOKEN, EXPERTS, GROUPS = 7168, 8, 4
"""DeepEP's settings: hidden size, experts and groups of a token."""

ELEMENT = {"dispatch": 1 + 4 / 128, "combine": 2.0}
"""Bytes an element: fp8 with a scale of 4 bytes for every 128, and bf16."""


def curve_rows(curves: list[Entry]) -> Iterator[Compared | Skipped]:
    """Yield an all-reduce curve's points, each with the launch of a collective that stands alone on that host."""
    for curve in curves:
        name = _ACCELERATOR.search(curve["name"])
        if name is None:
            known = ", ".join(NODES)
            yield Skipped(id=curve["name"], source=curve["source"], reason=f"accelerator not among {known}")
            continue
        network, ranks = machine(name[0], curve["ranks"]), int(curve["ranks"])
        points = list(zip(curve["sizes_bytes"], curve["busbw_GBps"], strict=True))
        costs = [network.cost("all-reduce", np.arange(ranks)[None], size) for size, _ in points]
        launch_s = launch_of(costs, [busbw * 1e9 for _, busbw in points], [size for size, _ in points])
        for (size, busbw), cost in zip(points, costs, strict=True):
            yield Compared(
                id=f"{curve['name']} {int(size):,} B",
                section="nccl_allreduce_curves",
                group=f"{ranks} x {name[0]}",
                unit="bytes/s",
                measured=busbw * 1e9,
                simulated=cost.busbw_bytes_per_s * cost.time_s / (cost.time_s + launch_s),
                source=curve["source"],
                scored=size >= SCORED_BYTES,
                algorithm=cost.algorithm,
                protocol=cost.protocol,
                bottleneck=cost.bottleneck,
            )


def launch_of(costs: Sequence[CollectiveCost], busbw_bytes_per_s: Sequence[float], sizes: Sequence[float]) -> float:
    """Return what launching adds to every collective of a benchmark, half of it from its own smallest messages.

    The host, its driver and how processes share its GPUs are not published; messages below 64 KiB, which no score
    counts, take little else. But part of that is a rate of launches, which longer kernels hide: so half-way from
    LAUNCH_S, what benchmarks show in the mean, to what the middle of those messages lacks. LAUNCH_S without any.

    1 KiB at 0.1 GB/s takes 17.9 us in all on 8 GPUs; 10 us of it are the collective's.

    >>> cost = CollectiveCost(
    ...     time_s=10e-6, busbw_bytes_per_s=1792 / 10e-6, algorithm="ring", bottleneck="", load=1.0, lower_bound_s=0.0
    ... )
    >>> round(launch_of([cost], [0.1e9], [1024]) * 1e6, 2), launch_of([cost], [0.1e9], [2**20]) * 1e6
    (13.96, 20.0)
    """
    short = [
        max(0.0, cost.busbw_bytes_per_s * cost.time_s / busbw - cost.time_s)
        for cost, busbw, size in zip(costs, busbw_bytes_per_s, sizes, strict=True)
        if size < LAUNCH_BYTES
    ]
    return (median(short) + LAUNCH_S) / 2 if short else LAUNCH_S


def point_rows(points: list[Entry]) -> Iterator[Compared | Skipped]:
    """Yield busbw that a text gives for a number of GPUs; what compares two fabrics or is no collective is skipped."""
    for point in points:
        what, name = str(point["what"]), _ACCELERATOR.search(str(point["what"]))
        values = point["value"] if isinstance(point["value"], list) else [point["value"]]
        if point["unit"] != "GB/s" or name is None:
            reason = "compares two fabrics or states a rule: no bus bandwidth of one machine"
            yield Skipped(id=what, source=point["source"], reason=reason)
        elif "copy" in what:
            yield Skipped(id=what, source=point["source"], reason="a copy engine's transfer, no collective")
        else:
            for ranks, value in zip(_ranks(what, len(values)), values, strict=True):
                yield _point(what, point["source"], name[0], ranks, float(value))


def _ranks(what: str, count: int) -> list[int]:
    """Return the GPUs of a text; a list of values without their number ends with the whole node of eight.

    >>> _ranks("2 nodes x 8 H100", 1), _ranks("32xH200 4 nodes", 1), _ranks("B200 4/5/6 GPUs", 3), _ranks("B200", 2)
    ([16], [32], [4, 5, 6], [7, 8])
    """
    if several := re.search(r"(\d+(?:/\d+)+) GPU", what):
        return [int(each) for each in several[1].split("/")]
    if product := re.search(r"(\d+) nodes? x (\d+)", what):
        return [int(product[1]) * int(product[2])]
    if whole := re.search(r"(\d+)x[A-Z]\d", what) or re.search(r"(\d+) GPU", what):
        return [int(whole[1])]
    return list(range(8 - count + 1, 9))


def _point(what: str, source: str, name: str, ranks: int, value: float) -> Compared:
    kind = "all-gather" if "non-allreduce" in what else "all-reduce"
    size = re.search(r"(\d+) ?GiB", what)
    cost = machine(name, ranks).cost(
        kind,
        np.arange(ranks)[None],
        float(size[1]) * 2**30 if size else LARGE_BYTES,
        "ring" if "NVLS off" in what or "Ring" in what else None,
    )
    return Compared(
        id=f"{what} [{ranks}]",
        section="collective_points",
        group=f"{ranks} x {name}",
        unit="bytes/s",
        measured=value * 1e9,
        simulated=cost.busbw_bytes_per_s,
        source=source,
        algorithm=cost.algorithm,
        protocol=cost.protocol,
        bottleneck=cost.bottleneck,
    )


def deepep_rows(deepep: Entry) -> Iterator[Compared | Skipped]:
    """Yield DeepEP's bandwidths (bytes as DeepEP counts them, own node and own rank included) and times on H800."""
    for row in deepep.get("v1_normal_h800", {}).get("rows", []):
        yield from _normal(row, deepep["source"], machine("H800", row["ep"]))
    for row in deepep.get("v1_low_latency_h800", {}).get("rows", []):
        yield from _low_latency(row, deepep["source"], machine("H800", row["ep"]))


def _normal(row: Entry, source: str, network: Network) -> Iterator[Compared]:
    ranks, nodes = int(row["ep"]), int(row["ep"]) // 8
    for way in ("dispatch", "combine"):
        copy = 4096 * TOKEN * ELEMENT[way]
        cost = network.exchange(np.arange(ranks)[None], EXPERTS * copy, EXPERTS, GROUPS, True)
        copies = distinct_domains(ranks, EXPERTS) if nodes == 1 else distinct_domains(nodes, EXPERTS, GROUPS)
        yield Compared(
            id=f"DeepEP {way} [{ranks}]",
            section="deepep",
            group="DeepEP normal",
            unit="bytes/s",
            measured=row[way] * 1e9,
            simulated=copies * copy / cost.time_s,
            source=source,
            algorithm=cost.algorithm,
            protocol=cost.protocol,
            bottleneck=cost.bottleneck,
        )


def _low_latency(row: Entry, source: str, network: Network) -> Iterator[Compared]:
    ranks = int(row["ep"])
    for way in ("dispatch", "combine"):
        size = 128 * EXPERTS * TOKEN * ELEMENT[way]
        cost = network.exchange(np.arange(ranks)[None], size, EXPERTS, 0, False, low_latency=True)
        yield Compared(
            id=f"DeepEP low-latency {way} [{ranks}]",
            section="deepep",
            group="DeepEP low latency",
            unit="s",
            measured=row[f"{way}_us"] * 1e-6,
            simulated=cost.time_s,
            source=source,
            algorithm=cost.algorithm,
            protocol=cost.protocol,
            bottleneck=cost.bottleneck,
        )
