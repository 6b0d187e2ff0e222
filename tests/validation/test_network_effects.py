"""Effects that are published of fabrics, not fitted: planes, fragmented placement, queue pairs."""

import numpy as np
import pytest

from sim import catalog
from sim.cluster.build import build_cluster
from sim.cluster.network import Network
from sim.cluster.records import Cluster, NetworkSettings
from sim.scenario import load_scenario
from sim.simulate import simulate_step_of

NODES, JOBS = 128, 2


def test_deepseek_v3_steps_as_fast_on_planes_as_on_rails() -> None:
    """Insights into DeepSeek-V3, arXiv 2505.09343, table 4: MPFT 19.926 s, MRFT 19.946 s a step."""
    kinds = ("multi-plane", "rail-optimized")
    planes, rails = (
        simulate_step_of(load_scenario("deepseek-v3", [f'cluster.topology={{kind="{kind}"}}'])).profile.step_time_s
        for kind in kinds
    )
    assert planes == pytest.approx(rails, rel=0.005)


def fabric(oversubscription: float) -> Cluster:
    node = catalog.node("grand-teton-h100")
    arguments = {"tiers": 2, "radix": 64, "oversubscription": [1, oversubscription]}
    return build_cluster("clos", arguments, node, catalog.accelerator(node.accelerator), NODES)


def busbw(cluster: Cluster, settings: NetworkSettings, *, fragmented: bool) -> float:
    """Return the all-reduce bandwidth of two jobs that share a fabric, each in one piece or scattered over it."""
    order = np.random.default_rng(1).permutation(NODES) if fragmented else np.arange(NODES)
    jobs = (order[:, None] * 8 + np.arange(8)).reshape(JOBS, -1)
    return Network(cluster, settings).cost("all-reduce", jobs, 2.0**30, "ring").busbw_bytes_per_s


def test_fragments_cost_a_third_on_an_oversubscribed_fabric_and_doubled_uplinks_cure_it() -> None:
    """Meta, engineering blog of 2024-08-05: fragments lost more than 30 %, and uplinks were doubled."""
    adaptive = NetworkSettings(routing="adaptive")
    narrow, wide = fabric(2), fabric(1)
    assert busbw(narrow, adaptive, fragmented=True) < 0.7 * busbw(narrow, adaptive, fragmented=False)
    assert busbw(wide, adaptive, fragmented=True) > 0.99 * busbw(wide, adaptive, fragmented=False)


def test_hashed_fragments_collide_and_doubled_uplinks_relieve_them() -> None:
    """The same with ECMP and no oversubscription, as on Meta's fabric: collisions take the place of ratios."""
    hashed = NetworkSettings(routing="ecmp", queue_pairs=16)
    same, doubled = fabric(1), fabric(0.5)
    assert busbw(same, hashed, fragmented=True) < 0.7 * busbw(same, hashed, fragmented=False)
    assert busbw(doubled, hashed, fragmented=True) > 0.8 * busbw(doubled, hashed, fragmented=False)


def test_more_queue_pairs_a_flow_gain_at_least_the_published_two_fifths() -> None:
    """Meta, SIGCOMM 2024: hashing 16 queue pairs instead of one brought up to 40 % for all-reduce."""
    one, many = (NetworkSettings(routing="ecmp", queue_pairs=count) for count in (1, 16))
    assert busbw(fabric(1), many, fragmented=True) > 1.4 * busbw(fabric(1), one, fragmented=True)
