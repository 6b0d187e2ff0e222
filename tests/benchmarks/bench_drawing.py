"""Drawings of large fabrics, beyond building them: the quotient and the SVG, within 2 s at 16,384 endpoints."""

from time import perf_counter
from typing import Any

from sim.cluster.build import build_bare, endpoint_cluster
from sim.cluster.describe import describe
from sim.report.drawing.picture import fabric_svg, subject_of

BUDGET_S = 2.0

FABRICS: dict[str, tuple[str, dict[str, object]]] = {
    "clos": ("meta-24k", {"endpoints": 16384}),
    "multi-plane": ("multi-plane", {}),
    "alibaba-hpn": ("alibaba-hpn", {"endpoints": 16384}),
    "dragonfly": ("dragonfly", {"p": 8, "a": 16, "h": 8, "endpoints": 16384}),
    "torus": ("torus", {"shape": [16, 32, 32]}),
}


def measure() -> dict[str, float]:
    """Return seconds of each drawing, and as multiples of the budget."""
    results: dict[str, float] = {}
    for name, (kind, arguments) in FABRICS.items():
        cluster = endpoint_cluster(build_bare(kind, arguments))
        asked = {"kind": "all-reduce", "bottleneck": "nic", "load": 1.0}
        facts: dict[str, Any] = {**describe(cluster.graph, cluster.gpus), "busbw": {"all-reduce": 45e9}}
        start = perf_counter()
        fabric_svg(name, subject_of(cluster, {**facts, "collective": asked}), {**facts, "collective": asked})
        seconds = perf_counter() - start
        results |= {f"drawing {name}: seconds": seconds, f"drawing {name}: over budget": seconds / BUDGET_S}
    return results
