"""What is shown as lost is what the network lacks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.fabric.arrays import fabric_arrays
from sim.cluster.health import Fault, Health, damaged
from sim.cluster.structure.blocks import blocks_of
from sim.cluster.structure.damage import WHOLE, Damage, Hit, damage_between
from sim.cluster.structure.quotient import quotient
from topologies import fat_tree, leaf_spine

GRAPH = fat_tree(k=4)
NICS = [name for name, kind in GRAPH.nodes(data="kind") if kind == "nic"]
FABRIC = fabric_arrays(GRAPH, NICS, 50e9)


def lacking(*faults: Fault) -> Damage:
    health = Health(faults=faults, seed=3)
    return damage_between(FABRIC, damaged(FABRIC, health, 1, 1, [None] * len(FABRIC.switches)))


def test_a_fabric_in_full_health_lacks_nothing() -> None:
    assert damage_between(FABRIC, FABRIC) == WHOLE


def test_a_lost_switch_takes_its_links_with_it() -> None:
    found = lacking(Fault(what="vertex", name="leaf-0-0"))
    nics = [name for name in GRAPH.adj["leaf-0-0"] if name in NICS]
    assert found.vertices == {"leaf-0-0", *nics}
    assert {pair for pair in found.links if pair[0] == "leaf-0-0"} == {
        ("leaf-0-0", each) for each in GRAPH.adj["leaf-0-0"]
    }
    assert set(found.links.values()) == {Hit(1, 0.0)}


def test_a_slow_link_keeps_its_fraction_in_both_directions() -> None:
    found = lacking(Fault(what="link", name="spine-0-0 - leaf-0-1", factor=0.25))
    assert found.of("leaf-0-1", "spine-0-0") == found.of("spine-0-0", "leaf-0-1") == Hit(0, 0.25)
    assert len(found.links) == 2
    assert not found.vertices


def test_some_cables_of_a_link_are_lost() -> None:
    graph = leaf_spine(leaves=4, spines=2, down=12, up=4, radix=16)
    nics = [name for name, kind in graph.nodes(data="kind") if kind == "nic"]
    whole = fabric_arrays(graph, nics, 50e9)
    health = Health(faults=(Fault(what="link", name="leaf-0-0 - spine-0-1", count=1),))
    found = damage_between(whole, damaged(whole, health, 1, 1, [None] * 6))
    assert found.of("leaf-0-0", "spine-0-1") == Hit(1, 0.5)


CLASSES = st.sampled_from(["nic", "leaf", "spine", "core", "leaf-spine", "spine-core"])


@given(st.lists(st.tuples(CLASSES, st.integers(1, 4), st.sampled_from([0.0, 0.5])), max_size=4))
@settings(deadline=None)
def test_what_is_left_in_the_quotient_is_what_is_left_in_the_network(faults: list[tuple[str, int, float]]) -> None:
    health = Health(
        faults=tuple(Fault(what="class", name=name, count=count, factor=left) for name, count, left in faults)
    )
    left = damaged(FABRIC, health, 1, 1, [None] * len(FABRIC.switches))
    found = quotient(GRAPH, blocks_of(GRAPH).part_of, damage_between(FABRIC, left))
    switched = [each for each in found.bundles if each.link_class != "nic"]
    assert sum(each.left_bytes_per_s for each in switched) == pytest.approx(left.capacity_bytes_per_s.sum() / 2, abs=1)
    assert sum(each.cables - each.lost for each in switched) == left.source.size // 2
    (nics,) = (each for each in found.bundles if each.link_class == "nic")
    alive = left.leaf >= 0
    assert nics.cables - nics.lost == alive.sum()
    assert nics.left_bytes_per_s == pytest.approx(left.nic_capacity_bytes_per_s[alive].sum(), abs=1)
