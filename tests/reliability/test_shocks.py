"""Shocks: clocks that leave every component's rate what it is, and who is hit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.reliability.failures.exposure import Life, Lives, job_mtbf_s
from sim.reliability.failures.shocks import cooccurring, mean_struck, shocked, stops_per_s, struck, with_shocks
from sim.reliability.plan import check_plan
from sim.reliability.records import Correlated, FailureClass, Law
from tests.engine.shared_plans import RACKS, correlated, domain
from tests.engine.test_run_recovery import plan

GPU = FailureClass(cause="gpu", component="gpu", per_node=8, life=Law(kind="exponential", mean_s=1e6), replace=True)


@given(st.floats(0.01, 0.99), st.floats(0.01, 1.0))
def test_the_rate_of_a_component_is_its_own_and_the_shocks_that_hit_it(share: float, hit: float) -> None:
    own, shocks = with_shocks([correlated(GPU, share=share, hit=hit)])
    assert 1 / own.life.mean_s + hit / shocks.life.mean_s == pytest.approx(1 / GPU.life.mean_s, rel=1e-12)


def test_classes_without_shocks_keep_their_clocks_and_places() -> None:
    job = FailureClass(cause="job", component="job", per_node=1, life=Law(mean_s=5.0), replace=False)
    racks = correlated(GPU)
    clocks = with_shocks([job, racks, GPU])
    assert (clocks[0], clocks[2]) == (job, GPU)
    assert [each.component for each in clocks] == ["job", "gpu", "gpu", "rack"]
    assert shocked([job, racks, GPU]) == [1]


def test_who_is_hit_does_not_depend_on_what_else_the_domain_holds() -> None:
    racks = correlated(GPU)
    assert racks.correlated is not None
    wider = replace(racks, correlated=replace(racks.correlated, holds=((0, 1, 5), (2, 3))))
    for ordinal in range(20):
        own = {component for component in struck(wider, 7, 0, ordinal) if component < 16}
        assert own == {*struck(racks, 7, 0, ordinal)}


def test_each_component_is_hit_with_its_probability_whatever_becomes_of_the_others() -> None:
    racks = correlated(GPU, hit=0.3)
    hits = np.array([[c in struck(racks, 1, 0, k) for c in range(16)] for k in range(4000)])
    assert np.abs(hits.mean(axis=0) - 0.3).max() < 4.5 * np.sqrt(0.3 * 0.7 / 4000)
    pairs = np.corrcoef(hits.T)[np.triu_indices(16, 1)]
    assert np.abs(pairs).max() < 4.5 / np.sqrt(4000)


def test_domains_that_two_clusters_share_share_their_lives() -> None:
    few, many = domain("rack", RACKS), domain("rack", (*RACKS, (4, 5), (6,)))
    lives = [{life.component: life.end_us for life in Lives(3, [each], 7).first()} for each in (few, many)]
    assert lives[0] == {component: lives[1][component] for component in (0, 1)}
    renewed = [Lives(3, [each], 7).renewed(Life(9, 0, 1, 4, -1), 9) for each in (few, many)]
    assert renewed[0] == renewed[1]


def test_the_lives_of_a_component_are_stretched_and_drawn_as_before() -> None:
    plain = {life.component: life.end_us for life in Lives(3, [GPU], 4).first()}
    own = {life.component: life.end_us for life in Lives(3, [correlated(GPU, share=0.2)], 4).first() if life.cause == 0}
    assert own.keys() == plain.keys()
    for component, end_us in plain.items():
        assert own[component] == pytest.approx(end_us / 0.8, abs=2)


def test_a_job_is_stopped_once_by_a_shock_that_hits_any_of_its_nodes() -> None:
    node = FailureClass(
        cause="n", component="node", per_node=1, life=Law(kind="exponential", mean_s=100.0), replace=True
    )
    both = correlated(node, share=0.5, hit=1.0)
    # By themselves 4 x 0.005; both nodes of a rack together: 2 racks x 0.005.
    assert stops_per_s(both, 4) == pytest.approx(0.02 + 0.01)
    assert job_mtbf_s([both], 4) == pytest.approx(1 / 0.03)
    # With 3 nodes in the job the second rack still stops it whenever it is shocked.
    assert stops_per_s(both, 3) == pytest.approx(0.015 + 0.01)


def test_a_domain_stops_the_job_if_it_holds_one_of_its_nodes() -> None:
    racks = domain("rack", (*RACKS, (4, 5)), mean_s=100.0)
    assert [stops_per_s(racks, nodes) for nodes in (2, 3, 4, 6)] == [0.01, 0.02, 0.02, 0.03]


def test_closed_forms_by_hand() -> None:
    # Of two nodes a shock hits one with 2 x 1/4, both with 1/4: 4/3 on average, and half of all hits are alone.
    assert mean_struck(0.5, 2) == pytest.approx(4 / 3)
    assert cooccurring(0.4, 0.5, 2) == pytest.approx(0.2)
    assert cooccurring(0.03, 1.0, 2) == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"share": 0.0}, "got share 0 and hit 0.5; expected a share between 0 and 1"),
        ({"share": 1.0}, "got share 1"),
        ({"hit": 0.0}, "hit 0; expected"),
        ({"domain": "rak"}, "unknown domain 'rak'; did you mean 'rack'"),
        ({"holds": ((0, 9),), "names": ("rack-0",)}, "got node 9; expected nodes 0 to 1"),
        ({"holds": ((0,),)}, "got 2 domains and the nodes of 1"),
        ({"holds": (), "names": ()}, "got 0 domains"),
    ],
)
def test_shocks_that_cannot_be_are_refused(change: dict[str, object], expected: str) -> None:
    shocks = Correlated(domain="rack", share=0.1, hit=0.5, names=("a", "b"), holds=((0,), (1,)))
    with pytest.raises(InputError, match=expected):
        check_plan(plan(replace(GPU, correlated=replace(shocks, **change))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"life": Law(kind="weibull", mean_s=9.0, shape=0.7)},
            "shocks leave the rate of a weibull life not what it is",
        ),
        ({"component": "link", "replace": False, "outage": Law(mean_s=1.0)}, "both an outage and correlated"),
        ({"component": "job", "replace": False}, "a job is no part of a node"),
    ],
)
def test_shocks_that_would_change_a_rate_are_refused(change: dict[str, object], expected: str) -> None:
    shocks = Correlated(domain="rack", share=0.1, hit=0.5, names=("a", "b"), holds=((0,), (1,)))
    with pytest.raises(InputError, match=expected):
        check_plan(plan(replace(GPU, correlated=shocks, **change)))  # type: ignore[arg-type]


def test_domains_of_a_plan_must_hold_nodes_that_are_there() -> None:
    check_plan(plan(domain("rack", ((0,), (1,)))))
    with pytest.raises(InputError, match="got node 2; expected nodes 0 to 1"):
        check_plan(plan(domain("rack", ((0,), (2,)))))
    with pytest.raises(InputError, match="got a domain without nodes"):
        check_plan(plan(domain("rack", ((0,), ()))))
    with pytest.raises(InputError, match="a gpu is none, expected no nodes"):
        check_plan(plan(replace(GPU, holds=((0,),), names=("a",))))
