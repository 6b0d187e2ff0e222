"""A pair of passes: compute adds, communication hides behind the other's compute."""

from hypothesis import given
from hypothesis import strategies as st

from sim.workload.fusion import fused, joined
from sim.workload.operations import OpCost

costs = st.builds(
    lambda ideal, lost, tensor, expert: OpCost(
        state_ns={"compute_ideal": ideal, "kernel_inefficiency": lost, "comm_tensor": tensor, "comm_expert": expert},
        flop=float(ideal),
    ),
    *[st.integers(0, 1000)] * 4,
)


def part(cost: OpCost, *states: str) -> int:
    return sum(cost.state_ns[state] for state in states)


COMPUTE, COMMUNICATION = ("compute_ideal", "kernel_inefficiency"), ("comm_tensor", "comm_expert")


@given(costs, costs)
def test_a_pair_takes_at_least_both_computes_and_both_communications_and_at_most_their_sum(
    forward: OpCost, backward: OpCost
) -> None:
    pair = fused(forward, backward)
    assert part(pair, *COMPUTE) == part(forward, *COMPUTE) + part(backward, *COMPUTE)
    assert pair.duration_ns >= part(forward, *COMMUNICATION) + part(backward, *COMMUNICATION)
    assert pair.duration_ns >= max(forward.duration_ns, backward.duration_ns)
    assert pair.duration_ns <= joined(forward, backward).duration_ns
    assert pair.flop == forward.flop + backward.flop
    assert min(pair.state_ns.values()) >= 0


@given(costs, costs)
def test_what_is_left_exposed_is_what_the_others_compute_does_not_cover(forward: OpCost, backward: OpCost) -> None:
    left = [
        max(0, part(one, *COMMUNICATION) - part(other, *COMPUTE))
        for one, other in ((forward, backward), (backward, forward))
    ]
    assert part(fused(forward, backward), *COMMUNICATION) == sum(left)


def test_without_communication_a_pair_is_one_after_the_other() -> None:
    forward, backward = (OpCost(state_ns={"compute_ideal": ns}, flop=0.0) for ns in (5, 9))
    assert fused(forward, backward).duration_ns == 14


@given(costs, costs, st.sampled_from([1.0, 1.18, 2.0]))
def test_a_pair_on_fewer_sms_is_never_faster_and_runs_apart_where_that_is_shorter(
    forward: OpCost, backward: OpCost, slowdown: float
) -> None:
    pair = fused(forward, backward, slowdown)
    assert fused(forward, backward).duration_ns - 2 <= pair.duration_ns <= joined(forward, backward).duration_ns
    assert pair.duration_ns >= part(forward, *COMMUNICATION) + part(backward, *COMMUNICATION) - 2
    assert pair.flop == forward.flop + backward.flop


def test_a_pair_computes_on_the_sms_that_do_not_communicate() -> None:
    """1,000 ns each way and 400 ns of communication on 112 of 132 SMs: 2,358 ns, one after the other 2,400."""
    forward, backward = (OpCost(state_ns={"compute_ideal": 1000, "comm_expert": ns}, flop=0.0) for ns in (0, 400))
    assert fused(forward, backward, 132 / 112).duration_ns == 2358
