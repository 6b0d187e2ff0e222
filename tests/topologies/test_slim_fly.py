"""Slim Fly has diameter two and the published counts, on fields that are fields."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cluster.describe import describe
from tests.topologies.reference import network, oracles, ports, switches
from topologies import slim_fly
from topologies.galois import field, prime_power
from topologies.slim_fly import generators, slim_fly_plan

ORDERS = (3, 4, 5, 7, 8, 9, 11, 13)


@pytest.mark.parametrize("oracle", oracles("slim_fly"), ids=lambda oracle: f"q={oracle['params']['q']}")
def test_dimensions_are_the_published_counts(oracle):
    plan = slim_fly_plan(**oracle["params"])
    assert (plan.routers, plan.degree) == (oracle["routers"], oracle["network_degree"])
    assert (plan.cables, plan.endpoints) == (oracle["links_switch_switch"], oracle["hosts"])
    assert slim_fly_plan(q=oracle["params"]["q"]).p == oracle["params"]["p"]


def test_deepseek_slim_fly_has_the_published_counts():
    row = network()["published_cluster_tables"]["deepseek_isca25_table3"]["rows"]["SF"]
    plan = slim_fly_plan(q=28, p=21)
    assert (plan.endpoints, plan.routers, plan.cables) == (row["endpoints"], row["switches"], row["links"])


@pytest.mark.parametrize("oracle", oracles("slim_fly")[:2], ids=lambda oracle: f"q={oracle['params']['q']}")
def test_graphs_are_described_as_published(oracle):
    facts = describe(slim_fly(**oracle["params"]))
    assert (facts["hosts"], facts["switches"]) == (oracle["hosts"], oracle["routers"])
    assert facts["links_switch_switch"] == oracle["links_switch_switch"]
    assert facts["diameter_hops"] == oracle["router_diameter"] + 2


@pytest.mark.parametrize("q", [*ORDERS, 16, 17, 19, 25, 27])
def test_every_order_gives_a_regular_graph_of_diameter_two(q):
    graph, plan = slim_fly(q=q, p=1), slim_fly_plan(q=q, p=1)
    assert describe(graph)["diameter_hops"] == 4
    assert {ports(graph, router) for router in switches(graph, 1)} == {plan.degree + 1}
    assert graph.subgraph(switches(graph, 1)).number_of_edges() == plan.cables


def test_the_smallest_is_the_hoffman_singleton_graph():
    graph = slim_fly(q=5)
    assert nx.could_be_isomorphic(graph.subgraph(switches(graph, 1)), nx.hoffman_singleton_graph())


@pytest.mark.parametrize("q", ORDERS)
def test_generators_hold_the_negatives_of_their_elements(q):
    numbers = field(q)
    for each in generators(numbers):
        assert {numbers.minus(0, element) for element in each} == each


@given(order=st.sampled_from([4, 8, 9, 16, 25, 27]), data=st.data())
def test_a_field_obeys_its_laws(order, data):
    numbers = field(order)
    a, b, c = (data.draw(st.integers(0, order - 1)) for _ in range(3))
    assert numbers.times(a, numbers.plus(b, c)) == numbers.plus(numbers.times(a, b), numbers.times(a, c))
    assert numbers.times(numbers.times(a, b), c) == numbers.times(a, numbers.times(b, c))
    assert numbers.minus(numbers.plus(a, b), b) == a
    assert numbers.times(a, 1) == a
    assert (numbers.times(a, b) == 0) == (a == 0 or b == 0)


def test_prime_powers_are_told_from_other_numbers():
    assert [order for order in range(30) if prime_power(order)] == [
        *(2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29)
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"q": 28, "p": 21}, "q: got 28, expected a prime power other than 2; the nearest are 27 and 29"),
        ({"q": 2}, "q: got 2, expected an integer >= 3"),
        ({"q": 6}, "q: got 6, expected a prime power other than 2; the nearest are 5 and 7"),
        ({"q": 10**7}, "q: got 10000000, expected at most 1,024"),
        ({"q": 5, "endpoints": 201}, "endpoints: got 201, but a Slim Fly of q = 5 with 4 endpoints a router holds at"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_got_and_expected(arguments, message):
    with pytest.raises(ValueError, match="got") as error:
        slim_fly(**arguments)
    assert str(error.value).startswith(message)
