"""Every GPU-microsecond is in exactly one state; reversals move it, never make or lose it."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import SimulationError
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.states import CODES, STATES
from sim.ledger.time.time_ledger import Key, by_state, net_gpu_us, time_ledger
from sim.ledger.time.trace import RETIRED, Event, Reversal, RunTrace, Segment, Stay
from sim.workload.profile import STEP_STATES, StepProfile
from tests.ledger.traces import Incident, profile_of, profiles, trace_of, traces

HALF = profile_of({"compute_ideal": 500, "bubble": 300, "comm_data": 200})


def by_hand() -> RunTrace:
    """Two nodes of 8 GPUs and a spare: 10 steps, 2 of them lost, a node replaced, 5 more steps."""
    one = Incident(0, 10, 0, 100, 2, "gpu", 50, 70, 10**6, replaced=True)
    two = Incident(0, 5, 0, 0, 0, "gpu", 0, 0, 1, replaced=False)
    return trace_of([one, two], nodes=2, spares=1, gpus_per_node=8)


def test_a_small_run_by_hand() -> None:
    net = net_gpu_us(time_ledger(by_hand(), [HALF, HALF]))
    assert net == {
        Key("compute_ideal", "", 0): 13_000 * 16 // 2,
        Key("bubble", "", 0): 13_000 * 16 * 3 // 10,
        Key("comm_data", "", 0): 13_000 * 16 // 5,
        Key("detect", "gpu", 0): 50 * 16,
        Key("restore", "gpu", 0): 70 * 16,
        Key("checkpoint", "", 0): 100 * 16,
        Key("spare", "", -1): 10_150 * 8,
        Key("repair", "gpu", -1): 5_070 * 8,
        Key("lost_work", "gpu", 0): 2_000 * 16,
    }


def test_a_reversal_takes_from_the_step_what_it_posts_to_lost_work() -> None:
    ledger = time_ledger(by_hand(), [HALF, HALF])
    posted = ledger.start_us == ledger.end_us
    rows = {STATES[s]: int(t) for s, t in zip(ledger.state[posted], ledger.gpu_us[posted], strict=True)}
    assert rows == {"compute_ideal": -16_000, "bubble": -9_600, "comm_data": -6_400, "lost_work": 32_000}


def test_a_step_whose_time_was_given_is_one_state() -> None:
    totals = by_state(net_gpu_us(time_ledger(by_hand(), [None, None])))
    assert totals["step"] == 13_000 * 16
    assert not any(totals[state] for state in STEP_STATES)


@given(trace=traces(), profile=profiles, other=profiles)
def test_every_random_run_conserves_time(trace: RunTrace, profile: StepProfile, other: StepProfile) -> None:
    ledger = time_ledger(trace, [profile, other])
    check_conservation(trace, ledger)
    held = trace.gpus_per_node * (trace.nodes + trace.spare_nodes)
    assert sum(net_gpu_us(ledger).values()) == held * trace.end_us == sum(ledger.gpu_us.tolist())


@given(trace=traces(), profile=profiles)
def test_a_profile_divides_the_step_and_nothing_else(trace: RunTrace, profile: StepProfile) -> None:
    divided = by_state(net_gpu_us(time_ledger(trace, [profile, profile])))
    whole = by_state(net_gpu_us(time_ledger(trace, [None, None])))
    assert sum(divided[state] for state in STEP_STATES) == whole["step"]
    assert all(divided[state] == whole[state] for state in STATES if state not in (*STEP_STATES, "step"))


@given(trace=traces(), profile=profiles)
def test_states_of_the_step_are_in_the_proportions_of_the_profile(trace: RunTrace, profile: StepProfile) -> None:
    totals = by_state(net_gpu_us(time_ledger(trace, [profile, profile])))
    stepped = sum(totals[state] for state in STEP_STATES)
    rows = len(trace.segments) + len(trace.reversals)
    for state in STEP_STATES:
        share = Fraction(profile.state_ns.get(state, 0), profile.step_time_ns)
        assert abs(totals[state] - share * stepped) <= rows


@pytest.mark.parametrize("reversed_", [False, True])
def test_totals_beyond_64_bits_are_exact(reversed_: bool) -> None:
    """A million GPUs for 180 days without a failure, in one segment: 1.6e19 GPU-microseconds; none of it saved."""
    wall_us, nodes = 180 * 86_400 * 10**6, 131_072
    trace = RunTrace(
        gpus_per_node=8,
        nodes=nodes,
        spare_nodes=0,
        end_us=wall_us,
        complete=True,
        segments=(Segment(0, wall_us, wall_us, "step", "", -1, 0, nodes),),
        reversals=(Reversal(wall_us, wall_us, "in_flight", "", 0, 0, nodes, 1),) if reversed_ else (),
        stays=tuple(Stay(node, "job", 0, wall_us, "", -1) for node in range(nodes)),
        events=(Event(0, wall_us, "complete", "", "", -1, -1, -1, False),),
        retained_steps=(int(not reversed_),),
        lost_steps=(0,),
        in_flight_steps=(int(reversed_),),
        processed_steps=(1,),
    )
    for profile in (None, HALF):
        ledger = time_ledger(trace, [profile])
        check_conservation(trace, ledger)
        net = net_gpu_us(ledger)
        assert sum(net.values()) == 8 * nodes * wall_us > 2**63
        assert by_state(net)["in_flight"] == 8 * nodes * wall_us * reversed_
        assert int(np.abs(ledger.gpu_us).max()) < 2**63


def test_lost_work_is_nothing_without_failures() -> None:
    trace = trace_of([Incident(0, 9, 5, 0, 3, "gpu", 1, 1, 1, False)], nodes=3, spares=0, gpus_per_node=8)
    assert by_state(net_gpu_us(time_ledger(trace, [HALF, HALF])))["lost_work"] == 0


def test_codes_number_the_states() -> None:
    assert all(STATES[CODES[state]] == state for state in STATES)


def refused(trace: RunTrace, match: str) -> None:
    with pytest.raises(SimulationError, match=match):
        check_conservation(trace, time_ledger(trace, [HALF, HALF]))


def change(trace: RunTrace, field: str, index: int, **values: int | str) -> RunTrace:
    rows = list(getattr(trace, field))
    rows[index] = rows[index]._replace(**values)
    return dataclasses.replace(trace, **{field: tuple(rows)})  # type: ignore[arg-type]


def test_an_unknown_state_is_named() -> None:
    trace = change(by_hand(), "segments", 2, state="detekt")
    with pytest.raises(SimulationError, match="'detekt'; did you mean 'detect'"):
        time_ledger(trace, [HALF, HALF])


def test_a_phase_without_a_profile_is_refused() -> None:
    with pytest.raises(SimulationError, match="step profiles: got 1; expected one for each of 2 phases"):
        time_ledger(by_hand(), [HALF])
    with pytest.raises(SimulationError, match="a step of phase 2; expected 0 to 1"):
        time_ledger(change(by_hand(), "segments", 0, phase=2), [HALF, HALF])


def test_a_profile_that_does_not_sum_to_its_step_is_refused() -> None:
    with pytest.raises(SimulationError, match="got states of 999 ns; expected stages x step 1000"):
        time_ledger(by_hand(), [dataclasses.replace(HALF, state_ns={"compute_ideal": 999}), HALF])
    with pytest.raises(SimulationError, match="'bubbles'; did you mean 'bubble'"):
        time_ledger(by_hand(), [dataclasses.replace(HALF, state_ns={"bubbles": 1000}), HALF])


def test_a_gap_between_segments_is_found() -> None:
    refused(change(by_hand(), "segments", 2, start_us=10_101), "start of a segment: got 10101; expected 10100")


def test_time_without_a_state_in_a_span_is_found() -> None:
    refused(change(by_hand(), "segments", 0, duration_us=9_999), "span that starts at 0 us: got 1; expected 0")


def test_a_negative_duration_is_found() -> None:
    trace = change(by_hand(), "segments", 1, duration_us=-100)
    refused(change(trace, "segments", 0, duration_us=10_200), "duration of 'checkpoint' at 0 us: got -100")


def test_a_run_that_ends_before_its_end_is_found() -> None:
    refused(dataclasses.replace(by_hand(), end_us=20_000), "end of the last segment: got 15220; expected 20000")


def test_a_node_in_two_places_is_found() -> None:
    trace = by_hand()
    index = next(i for i, stay in enumerate(trace.stays) if stay.place == "repair")
    refused(change(trace, "stays", index, start_us=10_149), "start of a stay of node 0: got 10149; expected 10150")


def test_a_node_that_vanishes_is_found() -> None:
    trace = by_hand()
    refused(dataclasses.replace(trace, stays=trace.stays[1:]), "start of a stay of node 0")
    lone = tuple(stay for stay in trace.stays if stay.node != 1)
    refused(dataclasses.replace(trace, stays=lone), "nodes with stays: got 2; expected 3")
    odd = tuple(stay._replace(node=7) if stay.node == 1 else stay for stay in trace.stays)
    refused(dataclasses.replace(trace, stays=odd), r"first and last node with a stay: got \(0, 7\); expected \(0, 2\)")
    refused(dataclasses.replace(trace, stays=()), "nodes with stays: got 0; expected 3")


def test_a_stay_that_ends_early_is_found() -> None:
    trace = by_hand()
    last = len(trace.stays) - 1
    refused(change(trace, "stays", last, end_us=15_000), "end of the last stay of node 2: got 15000; expected 15220")


def test_segments_and_stays_must_agree_on_the_nodes_of_the_job() -> None:
    refused(change(by_hand(), "segments", 2, nodes=1), "nodes staying in the job beyond those of its segment at 10100")


def test_lost_steps_must_be_named_by_reversals() -> None:
    refused(change(by_hand(), "reversals", 0, steps=1), "lost_work steps of phase 0 in reversals: got 1; expected 2")


def test_steps_must_be_retained_lost_or_in_flight() -> None:
    refused(dataclasses.replace(by_hand(), processed_steps=(16, 0)), "steps of phase 0: got 15; expected 16")


def test_lost_work_cannot_exceed_the_time_since_the_restored_checkpoint() -> None:
    refused(change(by_hand(), "reversals", 0, since_us=8_101), "reversed by event 0: got 2000; expected at most 1999")


def test_a_reversal_after_the_end_is_found() -> None:
    refused(change(by_hand(), "reversals", 0, time_us=15_221), "reversal by event 0: got 15221; expected at most 15220")


def test_lost_work_cannot_exceed_the_steps_made() -> None:
    refused(change(by_hand(), "reversals", 0, duration_us=10_001, since_us=-1), "steps left after event 0: got -2")


@given(event=st.integers(0, 5), amount=st.integers(1, 10**6))
def test_a_reversal_that_does_not_sum_to_zero_is_found(event: int, amount: int) -> None:
    trace = by_hand()
    reversal = Reversal(15_220, amount, "lost_work", "gpu", event, 0, 2, 0)
    ledger = time_ledger(dataclasses.replace(trace, reversals=(reversal,)), [HALF, HALF])
    gpu_us = ledger.gpu_us.copy()
    gpu_us[-1] += 1
    gpu_us[0] -= 1
    with pytest.raises(SimulationError, match=f"sum of the reversals of event {event}: got 1; expected 0"):
        check_conservation(
            dataclasses.replace(trace, reversals=(reversal,)), dataclasses.replace(ledger, gpu_us=gpu_us)
        )


def test_gpu_time_that_is_missing_is_found() -> None:
    trace = by_hand()
    ledger = time_ledger(trace, [HALF, HALF])
    with pytest.raises(SimulationError, match="GPU-microseconds over all states"):
        check_conservation(trace, dataclasses.replace(ledger, gpu_us=ledger.gpu_us * 2))


def test_steps_on_a_damaged_network_hold_what_its_profile_says() -> None:
    whole = dataclasses.replace(HALF, state_ns={"compute_ideal": 750, "comm_data": 250})
    slow = dataclasses.replace(HALF, state_ns={"compute_ideal": 250, "comm_data": 750})
    trace = by_hand()
    steps = [position for position, segment in enumerate(trace.segments) if segment.state == "step"]
    before = by_state(net_gpu_us(time_ledger(trace, [whole, whole])))
    damaged = change(trace, "segments", steps[0], condition=1)
    after = by_state(net_gpu_us(time_ledger(damaged, [whole, whole], [[slow, slow]])))
    moved = trace.segments[steps[0]].duration_us * trace.segments[steps[0]].nodes * trace.gpus_per_node
    assert after["comm_data"] == before["comm_data"] + moved // 2
    assert sum(after.values()) == sum(before.values())
    check_conservation(damaged, time_ledger(damaged, [HALF, HALF], [[slow, slow]]))
    assert set(time_ledger(damaged, [HALF, HALF], [[slow, slow]]).phase.tolist()) <= {-1, 0, 1}
    with pytest.raises(SimulationError, match="for each of 1 conditions"):
        time_ledger(damaged, [HALF, HALF])


def retiring(since_us: int, until_us: int) -> RunTrace:
    """The run by hand, whose spare is retired for a while."""
    trace = by_hand()
    (spare,) = (stay for stay in trace.stays if stay.place == "spare")
    kept = [stay for stay in trace.stays if stay is not spare]
    parts = ("spare", spare.start_us, since_us), (RETIRED, since_us, until_us), ("spare", until_us, spare.end_us)
    more = (Stay(spare.node, place, start_us, end_us, "", -1) for place, start_us, end_us in parts)
    return dataclasses.replace(trace, stays=(*kept, *more))


def test_retired_nodes_hold_no_gpus() -> None:
    whole, trace = time_ledger(by_hand(), [HALF, HALF]), retiring(4_000, 5_000)
    ledger = time_ledger(trace, [HALF, HALF])
    check_conservation(trace, ledger)
    spare = Key("spare", "", -1)
    assert net_gpu_us(ledger) == {**net_gpu_us(whole), spare: net_gpu_us(whole)[spare] - 8 * 1_000}


def test_gpu_time_of_retired_nodes_that_is_counted_is_found() -> None:
    with pytest.raises(SimulationError, match="GPU-microseconds over all states"):
        check_conservation(retiring(4_000, 5_000), time_ledger(by_hand(), [HALF, HALF]))
