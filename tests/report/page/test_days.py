"""When GPU-time was lost: spans that hold all of it, and nothing twice."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.page.days import CLASSES, MOST_SPANS, Spans, span_hours, spans

HOUR_US = 3_600_000_000
STATES = ("compute_ideal", "bubble", "detect", "spare", "lost_work")


def ledger_of(rows: list[tuple[str, int, int, int]]) -> pa.Table:
    names = ("state", "start_us", "end_us", "gpu_us")
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})


def events_of(times: list[tuple[int, bool]]) -> pa.Table:
    return pa.table(
        {
            "time_us": pa.array([time for time, _ in times], pa.int64()),
            "kind": pa.array(["failure"] * len(times), pa.string()),
            "interrupted": pa.array([stopped for _, stopped in times], pa.bool_()),
        }
    )


rows = st.lists(
    st.tuples(
        st.sampled_from(STATES),
        st.integers(0, 300 * HOUR_US),
        st.integers(0, 300 * HOUR_US),
        st.integers(1, 10**15),
    ).map(lambda row: (row[0], min(row[1:3]), max(row[1:3]), row[3])),
    min_size=1,
    max_size=20,
)


def lost_hours(found: Spans, group: str) -> float:
    return float((found.lost[group] * found.held_h).sum())


@given(rows)
def test_spans_hold_what_the_ledger_holds_by_class(rows: list[tuple[str, int, int, int]]) -> None:
    found = spans(ledger_of(rows), events_of([]), 300 * HOUR_US)
    assert found.held_h.sum() == pytest.approx(sum(row[3] for row in rows) / HOUR_US, rel=1e-9)
    for group, states in CLASSES.items():
        expected = sum(row[3] for row in rows if row[0] in states) / HOUR_US
        assert lost_hours(found, group) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_a_row_is_spread_evenly_over_its_time() -> None:
    held = ("compute_ideal", 0, 4 * HOUR_US, 400)
    found = spans(ledger_of([held, ("detect", HOUR_US, 3 * HOUR_US, 100)]), events_of([]), 4 * HOUR_US)
    assert found.hours == pytest.approx(1 / 12)
    shares = found.lost["not stepping"]
    quiet = np.r_[shares[:12], shares[36:]]
    assert not quiet.any()
    assert shares[12:36] == pytest.approx(np.full(24, 50 / 150))


def test_failures_are_counted_where_they_fell_and_those_that_stopped_the_job_apart() -> None:
    found = spans(
        ledger_of([("compute_ideal", 0, 48 * HOUR_US, 1)]),
        events_of([(0, True), (HOUR_US, False), (48 * HOUR_US, True)]),
        48 * HOUR_US,
    )
    assert (found.hours, len(found.failures)) == (1, 48)
    assert found.failures.tolist()[:2] == [1, 1]
    assert (int(found.failures.sum()), int(found.interruptions.sum())) == (3, 2)


def test_a_run_that_ended_at_once_has_one_empty_span() -> None:
    found = spans(ledger_of([("compute_ideal", 0, 0, 0)]), events_of([]), 0)
    assert (found.held_h.tolist(), found.failures.tolist()) == ([0.0], [0])


@given(st.integers(1, 10**17))
def test_a_run_of_any_length_takes_at_most_so_many_spans(wall_us: int) -> None:
    assert wall_us <= MOST_SPANS * span_hours(wall_us) * HOUR_US * (1 + 1e-12)
