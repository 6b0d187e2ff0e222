"""The k-th life of a component is an element of a stream, whatever else there is."""

import itertools

from sim.reliability.failures.exposure import Life, Lives, Uniforms
from sim.reliability.failures.laws import durations_us
from sim.reliability.records import FailureClass, Law
from sim.streams import uniforms

GPU = FailureClass(cause="gpu", component="gpu", per_node=8, life=Law(kind="exponential", mean_s=1e6), replace=True)
JOB = FailureClass(cause="job", component="job", per_node=1, life=Law(kind="weibull", mean_s=1e5), replace=False)


def test_life_k_of_component_i_is_element_i_of_the_stream_of_cause_and_k() -> None:
    first = {life.component: life.end_us for life in Lives(5, [GPU], 4).first()}
    assert [first[i] for i in range(32)] == durations_us(GPU.life, uniforms(5, "failure", "gpu", 0, count=32)).tolist()
    second = Lives(5, [GPU], 4).renewed(Life(1, 0, 11, 0, 1), 100)
    expected = durations_us(GPU.life, uniforms(5, "failure", "gpu", 1, count=32)).tolist()[11]
    assert abs(second.end_us - 100 - expected) <= 1


def test_more_nodes_and_more_causes_move_no_life() -> None:
    few, many = Lives(5, [GPU], 4), Lives(5, [JOB, GPU], 40)
    lives = {life.component: life.end_us for life in many.first() if life.cause == 1}
    assert {life.component: life.end_us for life in few.first()} == {i: lives[i] for i in range(32)}
    assert few.renewed(Life(1, 0, 11, 3, 1), 0).end_us == many.renewed(Life(1, 1, 11, 3, 1), 0).end_us


def test_component_i_sits_in_node_i_over_per_node() -> None:
    assert {life.component: life.node for life in Lives(5, [GPU], 3).first()} == {i: i // 8 for i in range(24)}
    assert [life.node for life in Lives(5, [JOB], 3).first()] == [-1]


def test_windows_of_time_hold_every_first_life_once() -> None:
    lives = Lives(5, [GPU, JOB], 200)
    bounds = [0, 10_000_000, 300_000_000, 10**12, 4 * 10**12]
    parts = [life for after, until in itertools.pairwise(bounds) for life in lives.first(after, until)]
    assert sorted(parts) == sorted(life for life in lives.first(0, bounds[-1]))
    assert len(parts) == len(set(parts))
    assert len(parts) > 500


def test_uniforms_do_not_depend_on_how_many_are_asked_for() -> None:
    expected = uniforms(9, "x", count=30_000).tolist()
    some = Uniforms(9, "x", likely=30_000)
    order = [17, 29_999, 4, 17, 0, 12_345, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18]
    assert [some.at(i) for i in order] == [expected[i] for i in order]
    assert Uniforms(9, "x", likely=1).at(29_000) == expected[29_000]


def test_a_life_lasts_at_least_a_microsecond() -> None:
    short = FailureClass(cause="c", component="node", per_node=1, life=Law(mean_s=1e-9), replace=False)
    assert Lives(1, [short], 1).renewed(Life(1, 0, 0, 0, 0), 50).end_us == 51
    assert [life.end_us for life in Lives(1, [short], 1).first()] == [1]
