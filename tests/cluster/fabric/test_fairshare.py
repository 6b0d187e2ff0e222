"""Max-min rates are exact: equal to plain progressive filling, and fair by definition, whoever computes them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cluster.fabric import filling
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
    weights = st.floats(0.1, 10.0) | st.just(1.0)
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


@contextmanager
def numba(*, installed: bool) -> Iterator[None]:
    """Let the kernel run as the plain Python that it is written in, or compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "available", lambda: installed)
        yield


compiled = pytest.param(True, marks=pytest.mark.skipif(not filling.available(), reason="numba is not installed"))


@pytest.mark.parametrize("installed", [False, compiled])
def test_filling_link_by_link_equals_progressive_filling(installed: bool) -> None:
    @given(problems())
    @settings(max_examples=200, deadline=None)
    def holds(problem: Problem) -> None:
        np.testing.assert_allclose(filling.filled(*problem), progressive_filling(*problem), rtol=1e-9)

    with numba(installed=installed):
        holds()


@pytest.mark.parametrize("rate", [max_min_rates, lambda **problem: filling.filled(*problem.values())])
def test_what_is_left_of_a_links_demand_is_no_rounding(rate: Callable[..., FloatArray]) -> None:
    problem = {
        "flow": np.array([0, 0, 1]),
        "link": np.array([0, 1, 0]),
        "coefficient": np.array([1e9, 1.0, 1e-3]),
        "capacity": np.array([10.0, 1e-9]),
        "flows": 2,
    }
    with numba(installed=False):
        np.testing.assert_allclose(rate(**problem), [1e-9, 9000.0], rtol=1e-9)


def random_paths(flows: int, links: int, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    link = rng.integers(0, links, (flows, 6))
    return np.repeat(np.arange(flows), 6), link.ravel(), np.ones(6 * flows), rng.integers(1, 5, links) * 1e9, flows


@pytest.mark.parametrize("installed", [False, compiled])
def test_what_is_handed_over_after_some_rounds_gets_the_same_rates(
    monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    flow, link, coefficient, capacity, flows = random_paths(300, 60, seed=1)
    problem = {"flow": flow, "link": link, "coefficient": coefficient, "capacity": capacity, "flows": flows}
    with numba(installed=False):
        rates = max_min_rates(**problem)
    handed = count_calls(monkeypatch, "filled")
    monkeypatch.setattr(filling, "STALLED_ROUNDS", -1 if not installed else 300)
    monkeypatch.setattr(filling, "PAYS_ENTRIES", 2000)
    with numba(installed=installed):
        np.testing.assert_allclose(max_min_rates(**problem), rates, rtol=1e-12)
    assert len(handed) == 1


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[int]:
    """Return a list that grows by the flows of every call of a function of `filling`."""
    calls: list[int] = []
    real: Callable[..., FloatArray] = getattr(filling, name)

    def counted(*arguments: object) -> FloatArray:
        calls.append(int(str(arguments[-1])))
        return real(*arguments)

    monkeypatch.setattr(filling, name, counted)
    return calls


def test_a_chain_that_freezes_one_link_a_round_is_ended_link_by_link(monkeypatch: pytest.MonkeyPatch) -> None:
    flows = 2000
    flow = np.repeat(np.arange(flows), 2)
    link = np.stack([np.arange(flows), np.arange(flows) + 1], axis=1).ravel()
    capacity = np.arange(1.0, flows + 2) ** 2
    handed = count_calls(monkeypatch, "filled")
    rates = max_min_rates(flow=flow, link=link, coefficient=np.ones(flow.size), capacity=capacity, flows=flows)
    assert handed
    assert handed[0] > flows / 4
    expected = [1.0]
    for each in range(1, flows):
        expected.append(capacity[each] - expected[-1])
    np.testing.assert_allclose(rates, expected, rtol=1e-9)


def test_patience_ends_only_while_nothing_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = filling.Patience()
    assert not any(patience.ends(1000 >> (rounds // 300)) for rounds in range(2400))
    assert [patience.ends(3) for _ in range(filling.STALLED_ROUNDS + 2)][-1]
    monkeypatch.setattr(filling, "PAYS_ENTRIES", 10)
    with numba(installed=True):
        assert [filling.Patience().ends(each) for each in (10, 11)] == [False, True]
    with numba(installed=False):
        assert not filling.Patience().ends(11)


def test_an_entry_that_takes_nothing_binds_nothing() -> None:
    rates = max_min_rates(
        flow=np.array([0, 0, 1]),
        link=np.array([0, 1, 1]),
        coefficient=np.array([1.0, 0.0, 1.0]),
        capacity=np.array([8.0, 2.0]),
        flows=2,
    )
    assert rates.tolist() == [8.0, 2.0]


def test_no_flows_have_no_rates() -> None:
    none = np.empty(0, dtype=np.int64)
    assert max_min_rates(flow=none, link=none, coefficient=np.empty(0), capacity=np.ones(2), flows=0).size == 0


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
