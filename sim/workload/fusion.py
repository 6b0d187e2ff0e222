"""Operations that run as one: a backward with its weight gradient, a forward beside another microbatch's backward.

DeepSeek-V3 (arXiv 2412.19437, figure 4) cuts both into pieces and lets the communication of one run while the other
computes. Compute adds, since both want the whole GPU; of what either communicates, only that is left which the other's
compute does not cover:

    FB = C_F + C_B + max(0, M_F - C_B) + max(0, M_B - C_F)

with C the compute and M the exposed communication of each: never shorter than both computes, nor than both
communications. The SMs that communicate are taken from compute for as long as the two run together (20 of 132, section
3.2.2), which makes it slower: C is S times as long in the formula, and where that takes longer than one after the
other, they run so.
"""

from collections import Counter

from sim.workload.apportion import divide
from sim.workload.operations import OpCost


def joined(*costs: OpCost) -> OpCost:
    """Return operations one after the other as one.

    >>> one = OpCost(state_ns={"compute_ideal": 3}, flop=1.0)
    >>> joined(one, one).duration_ns
    6
    """
    states: Counter[str] = Counter()
    for cost in costs:
        states.update(cost.state_ns)
    return OpCost(state_ns=dict(states), flop=sum(cost.flop for cost in costs))


def fused(forward: OpCost, backward: OpCost, slowdown: float = 1.0) -> OpCost:
    """Return a forward and a backward that hide their communication behind each other's compute.

    slowdown: factor on compute by the SMs that communicate.

    >>> forward = OpCost(state_ns={"compute_ideal": 10, "comm_tensor": 25}, flop=1.0)
    >>> backward = OpCost(state_ns={"compute_ideal": 20, "comm_tensor": 4}, flop=2.0)
    >>> dict(fused(forward, backward).state_ns)
    {'compute_ideal': 30, 'comm_tensor': 5}
    >>> dict(fused(forward, backward, slowdown=1.2).state_ns)
    {'compute_ideal': 30, 'comm_tensor': 1, 'kernel_inefficiency': 6}
    """
    slow_f, slow_b = (_slowed(cost, slowdown) for cost in (forward, backward))
    together = joined(_beside(slow_f, _computing(slow_b)), _beside(slow_b, _computing(slow_f)))
    return min(together, joined(forward, backward), key=lambda cost: cost.duration_ns)


def _slowed(cost: OpCost, slowdown: float) -> OpCost:
    lost = round(_computing(cost) * (slowdown - 1))
    if not lost:
        return cost
    states = Counter(cost.state_ns)
    states["kernel_inefficiency"] += lost
    return OpCost(state_ns=dict(states), flop=cost.flop)


def _computing(cost: OpCost) -> int:
    return sum(ns for state, ns in cost.state_ns.items() if not state.startswith("comm_"))


def _beside(cost: OpCost, hidden_ns: int) -> OpCost:
    """Return a cost whose communication hides behind hidden_ns of another's compute."""
    communication = {state: ns for state, ns in cost.state_ns.items() if state.startswith("comm_")}
    left = max(0, sum(communication.values()) - hidden_ns)
    parts = divide(left, tuple(communication.values())) if communication else ()
    return OpCost(state_ns={**cost.state_ns, **dict(zip(communication, parts, strict=True))}, flop=cost.flop)
