"""After one loss a fabric carries less, or the job stops; hashed flows spread over seeds."""

import numpy as np
import pytest

from sim.cluster.examples import node
from sim.cluster.fabric.protocols import FLUID
from sim.cluster.health import Fault, Health
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.cluster.resilience import after_losses, busbw_over_seeds, rates_after_losses
from tests.cluster.graphs import cluster, folded, lattice
from topologies import alibaba_hpn

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


def test_the_parts_lost_are_on_the_way_up_from_the_gpu() -> None:
    network = Network(cluster(folded(leaves=2, down=4, spines=2, pods=2, cores_per_spine=1), node()), NetworkSettings())
    for gpu, leaf, spine in ((0, "leaf-0-0", "spine-0-0"), (13, "leaf-1-1", "spine-1-0")):
        names = {each.lost: each.name for each in rates_after_losses(network, gpu, lambda network: 1.0, 1.0)}
        assert names == {
            "nic link": f"nic-{gpu:06d} - {leaf}",
            "leaf-spine cable": names["leaf-spine cable"],
            "spine-core cable": names["spine-core cable"],
            "leaf": leaf,
            "spine": spine,
            "core": "core-0-0",
        }
        assert {leaf, spine} == set(names["leaf-spine cable"].split(" - "))
        assert {spine, "core-0-0"} == set(names["spine-core cable"].split(" - "))


def test_what_stops_the_job_says_why_and_what_was_lost_before_stays_lost() -> None:
    network = Network(cluster(folded(leaves=4, down=4, spines=4), node()), NetworkSettings(), (FLUID,))
    before = network.changed(health=Health(faults=(Fault(what="vertex", name="spine-0-3"),)))
    left = {each.lost: each for each in after_losses(before, "all-to-all", EVERY, 1e12, "pairwise")}
    assert left["leaf"].remaining is None and left["leaf"].reason.startswith("job stops: node 0 has no path")
    # 48 over the 2 uplinks left are 24 each, where 3 carried 16.
    assert left["spine"].remaining == pytest.approx(16 / 24, rel=1e-3)
    assert left["spine"].reason == ""


def test_a_gpu_of_two_ports_outlives_the_loss_of_either_leaf() -> None:
    dual = Network(cluster(alibaba_hpn(segments=1, endpoints=64), node(gpus=8, nics=16, domain=8)), NetworkSettings())
    left = {each.lost: each.remaining for each in after_losses(dual, "all-reduce", np.arange(32)[None], 1e9, "ring")}
    assert left["nic link"] is not None and left["leaf"] is not None
    assert 0.4 < left["leaf"] <= left["nic link"] <= 1.0
