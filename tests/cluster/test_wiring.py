"""Networks that differ in a seed share what no seed decides, and answer as if they shared nothing."""

from dataclasses import replace

import numpy as np
import pytest

from sim.cluster.examples import node
from sim.cluster.health import Fault, Health
from sim.cluster.network import Network
from sim.cluster.records import NetworkSettings
from sim.errors import TopologyError
from tests.cluster.graphs import cluster, folded

PODS = cluster(folded(leaves=4, down=4, spines=4, pods=2, cores_per_spine=4), node(gpus=2, nics=2))
GROUPS = np.arange(32).reshape(-1, 8).T
PAIRS = np.arange(32).reshape(2, -1).T
HASHED = NetworkSettings(routing="ecmp", queue_pairs=2)


def answers(network: Network) -> tuple[object, ...]:
    return (
        network.cost("all-reduce", GROUPS, 1e9),
        network.times("p2p", PAIRS, 1e9).tolist(),
        network.times("all-gather", GROUPS, 1e9).tolist(),
        network.group_rates("all-gather", GROUPS).tolist(),
    )


@pytest.mark.parametrize("health", [Health(), Health(faults=(Fault(what="vertex", name="spine-0-1"),))])
@pytest.mark.parametrize("routing", ["ecmp", "adaptive", "d-mod-k"])
def test_another_seed_or_health_answers_as_a_network_made_of_it(routing: str, health: Health) -> None:
    settings = replace(HASHED, routing=routing)
    network = Network(PODS, settings)
    answers(network)
    for seed in (5, 6):
        changed = network.changed(health=health, seed=seed)
        made = Network(replace(PODS, health=health), replace(settings, seed=seed))
        assert answers(changed) == answers(made)
        assert answers(changed.changed(health=Health())) == answers(Network(PODS, replace(settings, seed=seed)))


def test_seeds_that_hash_are_told_apart() -> None:
    network = Network(PODS, replace(HASHED, queue_pairs=1))
    assert len({str(answers(network.changed(seed=seed))) for seed in range(6)}) > 1


@pytest.mark.parametrize(("routing", "again"), [("adaptive", False), ("d-mod-k", False), ("ecmp", True)])
def test_only_what_a_seed_hashes_is_solved_again(routing: str, again: bool) -> None:
    network = Network(PODS, replace(HASHED, routing=routing))
    answers(network)
    assert network.changed(seed=9).solves == (0 if again else network.solves)
    assert network.changed(seed=network.settings.seed).solves == network.solves > 0


def test_an_algorithm_that_was_taken_stays_so_under_another_seed() -> None:
    network = Network(PODS, NetworkSettings(algorithms=(("all-reduce", "ring"), ("all-gather", "ring"))))
    network.cost("all-reduce", GROUPS, 1e9)
    assert network.changed(seed=9).unused_algorithms == (("all-gather", "ring"),)


@pytest.mark.parametrize("routing", ["ecmp", "d-mod-k"])
def test_ways_in_many_blocks_are_those_in_one(routing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answers(Network(PODS, replace(HASHED, routing=routing)))
    monkeypatch.setattr("sim.cluster.fabric.ways._BLOCK", 6)
    for part, whole_part in zip(answers(Network(PODS, replace(HASHED, routing=routing))), whole, strict=True):
        assert part == (pytest.approx(whole_part, rel=1e-12) if isinstance(whole_part, list) else whole_part)


@pytest.mark.parametrize("lost", ["spine-0-1", "nic-000003"])
def test_messages_are_placed_again_only_where_other_endpoints_are_joined(lost: str) -> None:
    network = Network(PODS, HASHED)
    answers(network)
    health = Health(faults=(Fault(what="vertex", name=lost),))
    changed = network.changed(health=health)
    made = Network(replace(PODS, health=health), HASHED)
    if lost.startswith("spine"):
        assert answers(changed) == answers(made)
        return
    for each in (changed, made):
        with pytest.raises(TopologyError, match="nic-000003 has no link"):
            each.cost("p2p", PAIRS, 1e9)
