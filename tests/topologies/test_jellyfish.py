"""Jellyfish is regular, connected and the same for the same seed."""

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.cluster.describe import describe
from tests.topologies.reference import oracles, ports, switches
from topologies import jellyfish


@pytest.mark.parametrize("oracle", oracles("jellyfish"))
def test_graph_is_described_as_published(oracle):
    drawn = oracle["params"]
    graph = jellyfish(switches=drawn["N"], ports=drawn["k"], degree=drawn["r"], seed=drawn["networkx_seed"])
    facts = describe(graph)
    assert (facts["hosts"], facts["switches"]) == (oracle["hosts"], oracle["switches"])
    assert facts["links_switch_switch"] == oracle["links_switch_switch"]
    assert nx.is_connected(graph) == oracle["connected"]
    assert facts["diameter_hops"] == oracle["diameter"] + 2


@given(count=st.integers(4, 40), degree=st.integers(2, 6), hosts=st.integers(1, 4), seed=st.integers(0, 1000))
def test_any_jellyfish_is_regular_and_connected(count, degree, hosts, seed):
    assume(degree < count and count * degree % 2 == 0)
    graph = jellyfish(switches=count, ports=degree + hosts, degree=degree, seed=seed)
    assert len(switches(graph, 0)) == count * hosts
    assert {ports(graph, switch) for switch in switches(graph, 1)} == {degree + hosts}
    assert nx.is_connected(graph)


def test_another_seed_gives_another_graph():
    one, other = (jellyfish(switches=40, ports=8, degree=4, seed=seed) for seed in (0, 1))
    assert set(one.edges) != set(other.edges)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"switches": 20, "ports": 8, "degree": 8}, "degree: got 8, expected fewer than the 8 ports"),
        ({"switches": 4, "ports": 8, "degree": 4}, "degree: got 4, expected fewer than the 4 switches"),
        ({"switches": 5, "ports": 8, "degree": 3}, "switches x degree: got 5 x 3, expected an even number"),
        ({"switches": 40, "ports": 8, "degree": 1}, "degree: got 1, with which none of 100 draws is connected"),
        ({"switches": 20, "ports": 8, "degree": 5, "seed": -1}, "seed: got -1, expected an integer >= 0"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        jellyfish(**arguments)
    assert str(error.value).startswith(message)
