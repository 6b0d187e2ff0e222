"""Chrome traces: every operation is there once, and nothing overlaps on a track."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.step import StepTimeline, simulate_step
from sim.ledger.time.trace import RunTrace, Segment
from sim.report.step.chrome_trace import COMPUTE, DATA, RECEIVE, SEND, TRACKS, chrome_trace, run_trace
from tests.engine.plans import split_plan, uniform_plan

Slice = tuple[int, int, str]


def tracks(trace: dict[str, Any]) -> dict[tuple[int, int], list[Slice]]:
    """Return (start_ns, end_ns, name) by process and track, sorted."""
    found: dict[tuple[int, int], list[Slice]] = defaultdict(list)
    for event in trace["traceEvents"]:
        if event["ph"] == "X":
            start, duration = round(event["ts"] * 1000), round(event["dur"] * 1000)
            found[event["pid"], event["tid"]].append((start, start + duration, event["name"]))
    return {key: sorted(slices) for key, slices in found.items()}


timelines = st.builds(
    lambda stages, microbatches, chunks, blocks, message, gather, reduce, overlap, shared, optimizer: simulate_step(
        uniform_plan(
            "interleaved",
            stages=stages,
            microbatches=microbatches,
            chunks=chunks,
            message_ns=message,
            gather_ns=gather,
            reduce_ns=reduce,
            blocks=blocks,
            data_overlap=overlap,
            nic_share=shared,
            slowdown=1.2,
            optimizer_ns=optimizer,
        )
    ),
    st.integers(1, 5),
    st.integers(1, 10),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(0, 900),
    st.integers(0, 900),
    st.integers(0, 5000),
    st.booleans(),
    st.booleans(),
    st.integers(0, 300),
)


@given(timelines)
def test_no_slices_of_a_track_overlap(timeline: StepTimeline) -> None:
    for slices in tracks(chrome_trace(timeline)).values():
        assert all(before[1] <= after[0] for before, after in pairwise(slices))


@given(timelines)
def test_every_slice_lies_in_the_step(timeline: StepTimeline) -> None:
    for slices in tracks(chrome_trace(timeline)).values():
        assert all(0 <= start < end <= timeline.step_ns for start, end, _ in slices)


@given(timelines)
def test_each_operation_stands_once_with_its_times(timeline: StepTimeline) -> None:
    plan, found = timeline.plan, tracks(chrome_trace(timeline))
    names = {f"{k}{m}.c{c}" for k in "FB" for m in range(plan.microbatches) for c in range(plan.chunks)}
    for stage in timeline.stages:
        operations = [row for row in found[stage.index, COMPUTE] if row[2] != "optimizer"]
        assert sorted(name for _, _, name in operations) == sorted(names)
        assert [row[:2] for row in operations] == list(zip(stage.starts, stage.ends, strict=True))


@given(timelines)
def test_the_last_reduction_ends_when_the_stage_is_reduced(timeline: StepTimeline) -> None:
    if not any(timeline.plan.blocks[0][0].reduce_ns):
        return
    found = tracks(chrome_trace(timeline))
    for stage in timeline.stages:
        last = max(end for _, end, _ in found[stage.index, DATA])
        assert max(last, stage.free_at) == timeline.reduced_ns[stage.index]


def test_one_stage_by_hand() -> None:
    plan = uniform_plan("1f1b", stages=1, microbatches=2, gather_ns=50, reduce_ns=40, optimizer_ns=30)
    found = tracks(chrome_trace(simulate_step(plan)))
    assert found[0, COMPUTE] == [
        (50, 650, "F0.c0"),
        (650, 1850, "B0.c0"),
        (1850, 2450, "F1.c0"),
        (2450, 3650, "B1.c0"),
        (3690, 3720, "optimizer"),
    ]
    assert found[0, DATA] == [(0, 50, "all-gather c0"), (3650, 3690, "reduce c0")]


@pytest.mark.parametrize("kind", ["dualpipe", "dualpipev", "zb-v"])
def test_split_and_paired_operations_stand_once_without_overlap(kind: str) -> None:
    found = tracks(chrome_trace(simulate_step(split_plan(kind, 4, 8, (10, 12, 5), message_ns=3))))
    passes = [name.split() for key, slices in found.items() if key[1] == COMPUTE for _, _, name in slices]
    forwards = [name for names in passes for name in names if name[0] == "F"]
    backwards = [name for names in passes for name in names if name[0] == "B"]
    assert len(forwards) == len(backwards) == 8 * 4 * (1 if kind == "dualpipe" else 2)
    assert any(len(names) == 2 for names in passes) == (kind != "zb-v")
    for slices in found.values():
        assert all(before[1] <= after[0] for before, after in pairwise(slices))


KINDS = ("gpipe", "1f1b", "interleaved", "zb-h1", "zb-v", "dualpipe", "dualpipev")
ZERO3: dict[str, Any] = {
    "regather": True,
    "prefetch": 1,
    "reduces": "each",
    "gather_ns": 40,
    "reduce_ns": 60,
    "blocks": 2,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {"message_ns": 7},
    "zero1": {"message_ns": 7, "gather_ns": 40, "reduce_ns": 60, "nic_share": 0.8, "slowdown": 1.3},
    "zero3": {"message_ns": 70, "nic_share": 0.8, "slowdown": 1.3, **ZERO3},
    "zero3, blocking": {"message_ns": 70, "blocking_send": True, "data_overlap": False, **ZERO3},
    "post-validation": {"message_ns": 7, "optimizer_sync": "post-validation"},
}


def timeline_of(kind: str, options: dict[str, Any]) -> StepTimeline:
    """Return a step of 4 stages and 8 microbatches."""
    chunks = 1 if kind in ("gpipe", "1f1b", "zb-h1") else 2
    split = {"weight_ns": 50 * chunks} if kind.startswith(("zb", "dual")) else {}
    times = {"forward_ns": 100 * chunks, "backward_ns": 120 * chunks, "optimizer_ns": 30}
    return simulate_step(uniform_plan(kind, stages=4, microbatches=8, chunks=chunks, **times, **split, **options))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_track_of_any_schedule_has_overlapping_slices(kind: str, options: str) -> None:
    found = tracks(chrome_trace(timeline_of(kind, OPTIONS[options])))
    assert {track for _, track in found} >= {COMPUTE, SEND, RECEIVE}
    for slices in found.values():
        assert all(start < end for start, end, _ in slices)
        assert all(before[1] <= after[0] for before, after in pairwise(slices))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_message_leaves_after_its_operation_and_arrives_before_the_next(kind: str, options: str) -> None:
    found = tracks(chrome_trace(timeline_of(kind, OPTIONS[options])))
    ends = {(pid, name): end for (pid, track), rows in found.items() if track == COMPUTE for _, end, name in rows}
    sent = [(pid, *row) for (pid, track), rows in found.items() if track == SEND for row in rows]
    assert len({(pid, name) for pid, _, _, name in sent}) == len(sent)
    for pid, start, _, name in sent:
        operation = name.split()[0]
        assert start >= min(end for (stage, text), end in ends.items() if stage == pid and operation in text.split())
    chunked = kind not in ("gpipe", "1f1b", "zb-h1", "dualpipe")
    hops = {"interleaved": 7}.get(kind, 6 if chunked else 3)
    assert len(sent) == 2 * 8 * hops


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_received_at_the_same_time(kind: str) -> None:
    found = tracks(chrome_trace(timeline_of(kind, OPTIONS["zero3"])))
    sent: dict[tuple[int, str], int] = defaultdict(int)
    received: dict[tuple[int, str], int] = defaultdict(int)
    for (pid, track), rows in found.items():
        for start, end, name in rows:
            if track == SEND:
                text, receiver = name.split(" to stage ")
                sent[int(receiver), f"{text} from stage {pid}"] += end - start
            elif track == RECEIVE:
                for text in name.split(" + "):
                    received[pid, text] += end - start
    assert sent == received


def test_two_stages_messages_by_hand() -> None:
    plan = uniform_plan("1f1b", stages=2, microbatches=1, message_ns=50)
    found = tracks(chrome_trace(simulate_step(plan)))
    assert found[0, SEND] == [(600, 650, "F0.c0 to stage 1")]
    assert found[1, RECEIVE] == [(600, 650, "F0.c0 from stage 0")]
    assert found[1, SEND] == [(2450, 2500, "B0.c0 to stage 0")]


def test_stages_are_processes_with_named_tracks() -> None:
    trace = chrome_trace(simulate_step(uniform_plan("1f1b", stages=3, microbatches=4)))
    names = [(e["name"], e["pid"], e["args"]["name"]) for e in trace["traceEvents"] if e["ph"] == "M"]
    assert ("process_name", 2, "stage 2") in names
    assert [name for what, pid, name in names if (what, pid) == ("thread_name", 2)] == list(TRACKS)
    assert json.loads(json.dumps(trace)) == trace


def run(*segments: Segment) -> RunTrace:
    return RunTrace(
        gpus_per_node=8,
        nodes=2,
        spare_nodes=0,
        end_us=segments[-1].end_us,
        complete=True,
        segments=segments,
        reversals=(),
        stays=(),
        events=(),
        retained_steps=(1,),
        lost_steps=(0,),
        in_flight_steps=(0,),
        processed_steps=(1,),
    )


def segment(start_us: int, end_us: int, state: str, duration_us: int | None = None) -> Segment:
    duration_us = end_us - start_us if duration_us is None else duration_us
    return Segment(start_us, end_us, duration_us, state, "", 0, 0, 2)


def test_a_run_is_one_track_of_job_states() -> None:
    trace = run_trace(run(segment(0, 100, "step"), segment(100, 130, "detect"), segment(130, 200, "restore")))
    assert tracks(trace)[0, 0] == [(0, 100_000, "step"), (100_000, 130_000, "detect"), (130_000, 200_000, "restore")]


def test_steps_and_their_checkpoints_share_a_slice() -> None:
    trace = run_trace(run(segment(0, 100, "step", 90), segment(0, 100, "checkpoint", 10), segment(100, 130, "detect")))
    assert [name for _, _, name in tracks(trace)[0, 0]] == ["step", "detect"]
    first = next(event for event in trace["traceEvents"] if event["ph"] == "X")
    assert first["args"]["checkpoint_s"] == pytest.approx(10e-6)
