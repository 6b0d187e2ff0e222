"""Max-min rates are exact: equal to plain progressive filling, and fair by definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.fabric.arrays import FloatArray, IntArray
from sim.cluster.fabric.fairshare import max_min_rates

Problem = tuple[IntArray, IntArray, FloatArray, FloatArray, int]


def progressive_filling(
    flow: IntArray, link: IntArray, coefficient: FloatArray, capacity: FloatArray, flows: int
) -> FloatArray:
    """Raise all rates together; at each full link, fix its flows."""
    uses = np.zeros((flows, capacity.size))
    np.add.at(uses, (flow, link), coefficient)
    rates, active = np.zeros(flows), np.ones(flows, dtype=bool)
    while active.any():
        demand = uses[active].sum(axis=0)
        left = capacity - uses[~active].T @ rates[~active]
        level = np.where(demand > 0, left / np.where(demand > 0, demand, 1.0), np.inf)
        tight = int(level.argmin())
        full = active & (uses[:, tight] > 0)
        rates[full] = level[tight]
        active &= ~full
    return rates


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    flows, links = draw(st.integers(1, 12)), draw(st.integers(1, 8))
    paths = [draw(st.lists(st.integers(0, links - 1), min_size=1, max_size=links)) for _ in range(flows)]
    flow = np.repeat(np.arange(flows), [len(path) for path in paths])
    link = np.array([each for path in paths for each in path], dtype=np.int64)
    weights = st.floats(0.1, 10.0)
    coefficient = np.array(draw(st.lists(weights, min_size=link.size, max_size=link.size)))
    capacity = np.array(draw(st.lists(st.floats(0.5, 100.0), min_size=links, max_size=links)))
    return flow, link, coefficient, capacity, flows


@given(problems())
@settings(max_examples=200, deadline=None)
def test_local_bottlenecks_equal_progressive_filling(problem: Problem) -> None:
    flow, link, coefficient, capacity, flows = problem
    rates = max_min_rates(flow=flow, link=link, coefficient=coefficient, capacity=capacity, flows=flows)
    np.testing.assert_allclose(rates, progressive_filling(*problem), rtol=1e-9)


@given(problems())
@settings(max_examples=100, deadline=None)
def test_no_link_is_overfull_and_every_flow_has_a_full_link_where_none_is_faster(problem: Problem) -> None:
    flow, link, coefficient, capacity, flows = problem
    rates = max_min_rates(flow=flow, link=link, coefficient=coefficient, capacity=capacity, flows=flows)
    used = np.bincount(link, coefficient * rates[flow], capacity.size)
    assert np.all(used <= capacity * (1 + 1e-9))
    fastest = np.array([rates[flow[link == each]].max(initial=0.0) for each in range(capacity.size)])
    full = used >= capacity * (1 - 1e-9)
    for each in range(flows):
        own = link[flow == each]
        assert np.any(full[own] & (rates[each] >= fastest[own] * (1 - 1e-9)))


def test_order_of_entries_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    flow, link = rng.integers(0, 40, 200), rng.integers(0, 20, 200)
    coefficient, capacity = rng.random(200) + 0.1, rng.random(20) + 1.0
    shuffled = rng.permutation(200)
    rates = max_min_rates(flow=flow, link=link, coefficient=coefficient, capacity=capacity, flows=40)
    again = max_min_rates(
        flow=flow[shuffled], link=link[shuffled], coefficient=coefficient[shuffled], capacity=capacity, flows=40
    )
    np.testing.assert_allclose(rates, again, rtol=1e-12)


def test_a_dead_link_stops_its_flows_only() -> None:
    rates = max_min_rates(
        flow=np.array([0, 0, 1]),
        link=np.array([0, 1, 1]),
        coefficient=np.ones(3),
        capacity=np.array([0.0, 6.0]),
        flows=2,
    )
    assert rates.tolist() == [0.0, 6.0]


def test_a_flow_without_links_is_unbounded() -> None:
    rates = max_min_rates(
        flow=np.array([1]), link=np.array([0]), coefficient=np.ones(1), capacity=np.array([5.0]), flows=2
    )
    assert rates[0] == np.inf
    assert rates[1] == pytest.approx(5.0)
