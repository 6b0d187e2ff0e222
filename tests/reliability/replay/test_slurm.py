"""A failure log as `sacct --parsable2` prints it."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, UnknownNameError
from sim.reliability.replay.entries import FailureLog
from sim.reliability.replay.readers.nodelist import expand
from sim.reliability.replay.readers.slurm import STATES, read_sacct

HEAD = "JobID|JobName|State|Start|End|Elapsed|NodeList|ExitCode"
HOUR_US = 3_600_000_000


def job(number: str, state: str, end: str, nodes: str = "n1", start: str = "2024-03-01T00:00:00") -> str:
    return f"{number}|llama|{state}|{start}|{end}|01:00:00|{nodes}|1:0"


def read(*lines: str, **settings: object) -> FailureLog:
    return read_sacct("\n".join((HEAD, *lines)), **settings)  # type: ignore[arg-type]


def test_a_lost_node_and_a_failed_job_are_failures_at_the_end_of_the_job() -> None:
    log = read(
        job("1", "FAILED", "2024-03-01T03:00:00"),
        job("2", "NODE_FAIL", "2024-03-01T09:00:00", "n[1-2]", "2024-03-01T03:10:00"),
    )
    assert [(each.at_us // HOUR_US, each.component, each.cause, each.nodes) for each in log.entries] == [
        (3, "job", "FAILED", ()),
        (9, "node", "NODE_FAIL", ("n1", "n2")),
    ]


def test_time_starts_with_the_first_job_and_reaches_to_the_last_end_of_any() -> None:
    log = read(
        job("2", "FAILED", "2024-03-02T05:00:00", start="2024-03-02T00:00:00"),
        job("1", "COMPLETED", "2024-03-02T00:00:00", start="2024-03-01T20:00:00"),
        job("3", "RUNNING", "Unknown", start="2024-03-02T06:00:00"),
        job("4", "TIMEOUT", "2024-03-03T20:00:00"),
        job("5", "PENDING", "Unknown", "None assigned", "Unknown"),
    )
    assert (log.entries[0].at_us, log.end_us) == (29 * HOUR_US, 68 * HOUR_US)
    assert log.passed_over == (("COMPLETED", 1), ("PENDING", 1), ("RUNNING", 1), ("TIMEOUT", 1))


def test_the_scenario_may_say_another_start_and_end() -> None:
    lines = [job("1", "FAILED", "2024-03-01T03:00:00"), job("2", "FAILED", "2024-03-04T00:00:00")]
    log = read(*lines, start=datetime(2024, 3, 1, 1), end=datetime(2024, 3, 2, 1))
    assert ([each.at_us for each in log.entries], log.end_us, log.outside) == ([2 * HOUR_US], 24 * HOUR_US, 1)


def test_steps_of_a_job_are_not_jobs() -> None:
    steps = [job(f"1.{step}", "FAILED", "2024-03-01T03:00:00") for step in ("batch", "extern", "0")]
    assert len(read(job("1", "FAILED", "2024-03-01T03:00:00"), *steps).entries) == 1
    assert (
        len(read(job("7_3", "FAILED", "2024-03-01T03:00:00"), job("8+0", "FAILED", "2024-03-01T04:00:00")).entries) == 2
    )


def test_who_cancelled_a_job_is_no_part_of_its_state() -> None:
    log = read(job("1", "CANCELLED by 1001", "2024-03-01T03:00:00"), job("2", "CANCELLED+", "2024-03-01T03:00:00"))
    assert (log.entries, log.passed_over) == ((), (("CANCELLED", 2),))


def test_the_user_says_what_a_state_means() -> None:
    lines = [
        job("1", "TIMEOUT", "2024-03-01T03:00:00"),
        job("2", "NODE_FAIL", "2024-03-01T04:00:00"),
        job("3", "HELD", "2024-03-01T05:00:00"),
    ]
    log = read(*lines, states={"TIMEOUT": "job", "NODE_FAIL": "none", "HELD": "none"})
    assert [each.cause for each in log.entries] == ["TIMEOUT"]
    with pytest.raises(UnknownNameError, match=r"line 4: State: unknown state 'HELD'"):
        read(*lines)
    with pytest.raises(UnknownNameError, match=r"states.FAILED: unknown meaning of a state 'jobs'; did you mean 'job'"):
        read(states={"FAILED": "jobs"})


def test_what_a_state_means_that_is_none_and_that_no_job_is_in_is_refused() -> None:
    line = job("1", "CANCELLED by 7", "2024-03-01T03:00:00")
    with pytest.raises(UnknownNameError, match=r"states: unknown state of a job 'CANCELED'; did you mean 'CANCELLED'"):
        read(line, states={"CANCELED": "job"})
    assert [each.cause for each in read(line, states={"CANCELLED": "job", "TIMEOUT": "job"}).entries] == ["CANCELLED"]


def test_every_state_of_slurm_has_a_meaning() -> None:
    for state in STATES:
        read(job("1", state, "2024-03-01T03:00:00"))


def test_the_node_that_failed_is_the_one_that_sacct_names() -> None:
    text = "JobID|State|Start|End|NodeList|FailedNode\n1|NODE_FAIL|2024-03-01|2024-03-02|n[1-9]|n4\n"
    assert read_sacct(text).entries[0].nodes == ("n4",)


def test_a_node_that_takes_two_jobs_along_failed_once() -> None:
    lines = [job(number, "NODE_FAIL", "2024-03-01T03:00:00") for number in "12"]
    assert len(read(*lines).entries) == 1
    assert len(read(*lines, job("3", "NODE_FAIL", "2024-03-01T03:00:00", "n2")).entries) == 2
    assert len(read(*(job(number, "FAILED", "2024-03-01T03:00:00") for number in "12")).entries) == 2


def test_a_byte_order_mark_carriage_returns_empty_lines_and_trailing_bars_are_no_matter() -> None:
    plain = [HEAD, job("1", "FAILED", "2024-03-01T03:00:00"), job("2", "FAILED", "2024-03-01T01:00:00")]
    awkward = "\ufeff\r\n" + "\r\n\r\n".join(f"{line}|" for line in plain) + "\r\n"
    assert [each.at_us for each in read_sacct(awkward).entries] == [HOUR_US, 3 * HOUR_US]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("JobID|Stat|End\n", r"line 1: missing column 'State'; the nearest is 'Stat'. Got: JobID, Stat, End"),
        ("State|End\n", r"missing column 'JobID'"),
        (f"{HEAD}\n1|llama|FAILED\n", r"line 2: got 3 values, expected 8"),
        (
            f"{HEAD}\n{job('1', 'FAIL', '2024-03-01T03:00:00')}",
            r"line 2: State: unknown state 'FAIL'; did you mean 'FAILED'",
        ),
        (f"{HEAD}\n{job('1', 'FAILED', 'Unknown')}", r"line 2: got End 'Unknown' of a job in state FAILED"),
        (f"{HEAD}\n{job('1', 'FAILED', 'yesterday')}", r"line 2: End: got 'yesterday'"),
        (f"{HEAD}\n{job('1', 'NODE_FAIL', '2024-03-01', 'n[1-')}", r"line 2: NodeList: got 'n\[1-'"),
        (f"{HEAD}\n{job('1', 'FAILED', '2024-03-01', start='Unknown')}", r"no job has a Start"),
        ("", r"no job has a Start"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sacct(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ["n1"]),
        ("n1,n2", ["n1", "n2"]),
        ("node[001-004,7]", ["node001", "node002", "node003", "node004", "node7"]),
        ("n[09-11]", ["n09", "n10", "n11"]),
        ("n[99-101]", ["n99", "n100", "n101"]),
        ("rack[1-2]-n[01-02]", ["rack1-n01", "rack1-n02", "rack2-n01", "rack2-n02"]),
        ("a[1,3],b-2,c[5]x", ["a1", "a3", "b-2", "c5x"]),
        ("n[1-2],n[2-3]", ["n1", "n2", "n3"]),
    ],
)
def test_node_lists_are_expanded_with_their_widths(text: str, names: list[str]) -> None:
    assert list(expand(text, "")) == names


@pytest.mark.parametrize(
    "text",
    ["", "n[1", "n]1", "n[[1]]", "n[]", "n[2-1]", "n[a-b]", "n[1-]", "a,,b", "n[0-99999999]", "n[0-1000][0-1000]"],
)
def test_what_is_no_node_list_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="line 3"):
        expand(text, "line 3")


@given(st.lists(st.integers(0, 9999), min_size=1, max_size=20, unique=True), st.integers(4, 6))
def test_a_list_of_padded_numbers_is_what_it_was_joined_from(numbers: list[int], width: int) -> None:
    padded = [str(number).zfill(width) for number in numbers]
    assert expand(f"n[{','.join(padded)}]", "") == tuple(f"n{each}" for each in padded)


@given(st.text(alphabet="JobID|State|End\n 2024-03-01TFAILEDNODE_[]-,", max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"{HEAD}\n{text}"):
        try:
            read_sacct(whole)
        except InputError:
            continue
