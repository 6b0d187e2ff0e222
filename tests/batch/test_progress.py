"""Progress of a batch: lines that say what somebody should know, and one JSON object a line for programs."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sim.report.batch.batch_progress import batch_progress
from sim.report.batch.batch_report import estimate_line, event_line, plan_lines

PLAN = {
    "event": "plan",
    "study": "s",
    "variants": 3,
    "replicas": 4,
    "most_replicas": 4,
    "runs": 12,
    "chunks": 6,
    "detail": "summary",
    "chunks_left": 6,
    "runs_left": 12,
}


def progressed(left: int, eta_s: float | None = 1.0) -> dict[str, Any]:
    return {"event": "progress", "runs_left": left, "runs_per_s": 4.0, "eta_s": eta_s, "failed": 1}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_than_on_a_terminal_lines_come_at_once_and_then_now_and_then() -> None:
    now = [0.0]
    stream = io.StringIO()
    with batch_progress(stream, io.StringIO(), as_json=False, clock=lambda: now[0]) as tell:
        tell(PLAN)
        for at_s, left in ((0.2, 11), (0.6, 10), (1.0, 9), (2.0, 8), (2.7, 4)):
            now[0] = at_s
            tell(progressed(left))
    assert stream.getvalue().splitlines() == [
        "s: 12 runs: 3 variants x 4 seeds in 6 chunks, detail summary",
        "2 of 12 runs, 4 runs/s, 1 s left, 1 failed",
        "8 of 12 runs, 4 runs/s, 1 s left, 1 failed",
    ]


def test_a_program_gets_an_object_a_line() -> None:
    out = io.StringIO()
    with batch_progress(io.StringIO(), out, as_json=True) as tell:
        tell(PLAN)
        tell(progressed(3, None))
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [PLAN, progressed(3, None)]


def test_a_terminal_has_a_bar_with_the_same_words() -> None:
    stream = Terminal()
    with batch_progress(stream, io.StringIO(), as_json=False) as tell:
        tell(PLAN)
        tell(progressed(3))
        tell({"event": "resubmitted", "chunk": 2})
    text = stream.getvalue()
    assert "chunk 2: its worker was killed; handed out again" in text
    assert "9 of 12 runs" in text


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"event": "chunk", "chunk": 1, "failed": 0}, None),
        ({"event": "chunk", "chunk": 1, "failed": 1, "error": "a\nb"}, "chunk 1: 1 run failed: a"),
        ({"event": "quarantined", "chunk": 1, "reason": "r", "variants": "v"}, "chunk 1: in quarantine (v): r"),
        ({"event": "quarantined", "chunk": 1, "reason": "r", "before": True}, "chunk 1: is in quarantine: r"),
        ({"event": "damaged", "chunk": 1, "reason": "r"}, "chunk 1: damaged, set aside and simulated again: r"),
        ({"event": "waiting", "chunks": 2}, "the second stage waits for 2 chunks of the first; run this again then"),
        ({"event": "second", "replicas": 40}, "second stage: 40 seeds of every variant"),
        ({"event": "elsewhere", "chunk": 1, "runs": 2}, None),
    ],
)
def test_what_happens_is_said_in_a_line(told: Mapping[str, Any], line: str | None) -> None:
    assert event_line(told) == line


def test_a_plan_says_what_is_left_and_what_it_takes() -> None:
    assert plan_lines({**PLAN, "runs_left": 4, "chunks_left": 2, "most_replicas": 20}) == [
        "s: 12 runs: 3 variants x 4 to 20 seeds in 6 chunks, detail summary",
        "to do: 4 runs in 2 chunks",
    ]
    told = {"error": "", "run_s": 0.0045, "time_s": 95.0, "bytes": 2.5e6}
    assert estimate_line(told) == "estimate: 4.5 ms a run, about 1.6 min in all, 2.5 MB on disk"
    assert estimate_line({"error": "it fails"}) == "estimate: none: it fails"
