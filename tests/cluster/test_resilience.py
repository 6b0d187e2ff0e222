"""After one loss a fabric carries less, or the job stops; hashed flows spread over seeds."""

import numpy as np
import pytest

from sim.cluster.examples import node
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.cluster.resilience import after_losses, busbw_over_seeds
from tests.cluster.graphs import cluster, folded, lattice

EVERY = np.arange(16)[None]


def remaining(network: Network) -> dict[str, float | None]:
    return {each.lost: each.remaining for each in after_losses(network, "all-to-all", EVERY, 1e12, "pairwise")}


def test_a_tree_loses_the_part_that_a_spine_carries_and_stops_without_a_leaf() -> None:
    network = Network(cluster(folded(leaves=4, down=4, spines=4), node()), NetworkSettings(), (FLUID,))
    left = remaining(network)
    assert left["nic link"] is None
    assert left["leaf"] is None
    # Of every NIC's 15 parts 12 leave the leaf: 48 over 3 uplinks are 16 each, where a NIC has 15.
    assert left["spine"] == pytest.approx(15 / 16, rel=1e-3)
    assert left["leaf-spine cable"] == pytest.approx(15 / 16, rel=0.2)
    assert set(left) == {"nic link", "leaf-spine cable", "leaf", "spine"}


def test_a_torus_goes_round_a_lost_link() -> None:
    left = remaining(Network(cluster(lattice(16), node()), NetworkSettings(), (FLUID,)))
    # Half of a ring's all-to-all crosses a cut of two links; then one.
    assert left["leaf-leaf cable"] is not None
    assert 0.4 < left["leaf-leaf cable"] < 0.6
    assert left["leaf"] is None


def test_half_of_the_seeds_are_faster_than_the_median_and_nearly_all_than_the_95th() -> None:
    hashed = NetworkSettings(routing="ecmp", queue_pairs=1)
    network = Network(cluster(folded(leaves=4, down=4, spines=4), node()), hashed, (FLUID,))
    half, most = busbw_over_seeds(network, "all-to-all", EVERY, 1e9, "pairwise")
    assert most < half < 50e9
    assert busbw_over_seeds(network, "all-to-all", EVERY, 1e9, "pairwise") == (half, most)
