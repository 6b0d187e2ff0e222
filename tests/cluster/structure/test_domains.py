"""Domains and dimensions say how a fabric hangs on its nodes, and what crosses the middle of a grid."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.contract import endpoints_of
from sim.cluster.structure.blocks import blocks_of
from sim.cluster.structure.dimensions import dimensions_of
from sim.cluster.structure.domains import domains_of
from tests.topologies.test_families import KINDS, build, nics_of_a_node
from topologies import alibaba_hpn, clos, hyperx, multi_plane, torus


@pytest.mark.parametrize("kind", KINDS)
def test_domains_hold_every_nic_once(kind: str) -> None:
    graph = build(kind, 240)
    part_of = blocks_of(graph).part_of
    per = nics_of_a_node(kind)
    found = domains_of(graph, endpoints_of(graph), part_of, per)
    assert sum(each.count for each in found) == 240 / per
    assert sum(count for each in found for _, count in each.nics) == 240


@pytest.mark.parametrize(
    ("graph", "per", "switches"),
    [
        (clos(endpoints=64, rack=16, nics_per_node=8), 8, 1),
        (multi_plane(planes=4, radix=8), 4, 4),
        (alibaba_hpn(), 16, 16),
    ],
    ids=["rack", "planes", "dual ToR"],
)
def test_a_node_hangs_on_as_many_switches_as_its_family_says(graph, per: int, switches: int) -> None:
    found = domains_of(graph, endpoints_of(graph), blocks_of(graph).part_of, per)
    assert {each.switches for each in found} == {(switches, switches)}


@given(st.lists(st.sampled_from([1, 3, 4, 6]), min_size=1, max_size=3))
def test_a_torus_has_two_links_across_the_middle_of_every_ring(shape: list[int]) -> None:
    found = dimensions_of(torus(shape=shape))
    places = prod(shape)
    assert [(each.axis, each.size) for each in found] == [(axis, size) for axis, size in enumerate(shape) if size > 1]
    for each in found:
        assert (each.closes, each.cables) == (True, places)
        assert each.cut_bytes_per_s == 2 * places / each.size * 50e9


def test_an_open_dimension_has_one_link_across_its_middle() -> None:
    rows, columns = dimensions_of(torus(shape=[4, 5], wrap=[True, False]))
    assert (rows.closes, rows.cables, rows.cut_bytes_per_s) == (True, 20, 10 * 50e9)
    assert (columns.closes, columns.cables, columns.cut_bytes_per_s) == (False, 16, 4 * 50e9)


def test_a_full_mesh_has_a_quarter_of_size_squared_across_its_middle() -> None:
    found = dimensions_of(hyperx(shape=[4, 6], link_bandwidth_bytes_per_s=1e9))
    assert [each.closes for each in found] == [None, None]
    assert [each.cut_bytes_per_s for each in found] == [24 * 4 / 4 * 1e9, 24 * 6 / 4 * 1e9]


def test_domains_of_many_kinds_are_one_with_its_fewest_and_most_switches() -> None:
    graph = clos(endpoints=88, radix=16)  # 8 endpoints a leaf
    (found,) = domains_of(graph, endpoints_of(graph), range(len(graph)), 11)
    assert (found.count, found.switches, len(found.nics)) == (8, (2, 3), 88)
