"""A failure log as a CSV table."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, UnknownNameError
from sim.reliability.replay.entries import Entry, FailureLog
from sim.reliability.replay.readers.table import ALIASES, read_table
from sim.reliability.replay.seats import REPLAYED

HEAD = "time,component,cause,node,duration\n"
HOUR_US = 3_600_000_000


def read(text: str, **settings: object) -> FailureLog:
    return read_table(text, REPLAYED, **settings)  # type: ignore[arg-type]


def test_each_line_is_a_failure_at_its_time_since_the_start() -> None:
    log = read(HEAD + "3.5 h,gpu,Faulty GPU,node-7,8 h\n2 d,job,Software bug,,\n")
    at_us, away_us = 7 * HOUR_US // 2, 8 * HOUR_US
    gpu = Entry(component="gpu", cause="Faulty GPU", nodes=("node-7",), at_us=at_us, away_us=away_us, where="line 2")
    job = Entry(component="job", cause="Software bug", at_us=48 * HOUR_US, where="line 3")
    assert (log.entries, log.end_us, log.outside) == ((gpu, job), 48 * HOUR_US, 0)


def test_lines_out_of_order_are_put_in_the_order_of_time_and_ties_keep_theirs() -> None:
    log = read(HEAD + "3 h,job,c,,\n1 h,job,b,,\n1 h,job,a,,\n")
    assert [(each.at_us // HOUR_US, each.cause) for each in log.entries] == [(1, "b"), (1, "a"), (3, "c")]


def test_a_byte_order_mark_carriage_returns_empty_lines_and_comments_are_no_matter() -> None:
    lines = ['\ufeff# of 3, "made up', HEAD.strip(), "", "1 h,gpu,a,n,", ",,,,", '# 2 h,gpu,"b,n', "2 h,gpu,b,n,"]
    text = "\r\n".join(lines)
    assert [(each.cause, each.where) for each in read(text).entries] == [("a", "line 4"), ("b", "line 7")]


def test_quoted_cells_may_hold_commas_quotes_and_line_breaks() -> None:
    log = read(HEAD + '1 h,gpu,"fell off, ""again""\nand again","n,1",\n2 h,job,b,,\n')
    assert log.entries[0].cause == 'fell off, "again"\nand again'
    assert log.entries[0].nodes == ("n,1",)
    assert log.entries[1].where == "line 4"


CELLS = {"component": "gpu", "cause": "a", "node": "n", "index": "3", "replace": "yes"}
TIMES = {"time": "1 h", "time_s": "3600", "duration": "1 h", "duration_s": "3600"}


@pytest.mark.parametrize(("column", "alias"), [(column, alias) for column, names in ALIASES.items() for alias in names])
def test_columns_go_by_other_names(column: str, alias: str) -> None:
    times = [column if column.startswith(each) else each for each in ("time", "duration")]
    cells = CELLS | {name: TIMES[name] for name in times}
    shouted = [alias.upper().replace("_", " ") if name == column else name for name in cells]
    values = ",".join(cells.values())
    assert read(f"{','.join(shouted)}\n{values}\n") == read(f"{','.join(cells)}\n{values}\n")


def test_seconds_may_stand_in_columns_of_their_own() -> None:
    log = read("time_s,component,cause,node,duration_s\n90.5,node,a,n,60\n")
    assert (log.entries[0].at_us, log.entries[0].away_us) == (90_500_000, 60_000_000)


def test_times_of_day_count_from_the_start_whatever_the_season() -> None:
    # In Europe clocks were put forward in the night to 31 March 2024; a log's clock never is.
    text = "time,component,cause\n2024-03-31T12:00:00,job,a\n2024-03-30 12:00,job,b\n"
    log = read(text, start=datetime(2024, 3, 30))
    assert [each.at_us // HOUR_US for each in log.entries] == [12, 36]


def test_times_with_a_zone_count_from_a_start_with_one() -> None:
    text = "# start = 2024-03-01T00:00:00Z\ntime,component,cause\n2024-03-01T03:00:00+02:00,job,a\n"
    assert read(text).entries[0].at_us == HOUR_US
    with pytest.raises(InputError, match=r"line 2: .* expected both with a time zone, or neither"):
        read(text.split("\n", 1)[1], start=datetime(2024, 3, 1))


def test_the_file_may_say_its_start_and_end_and_the_scenario_comes_before_it() -> None:
    text = "# start = 2024-03-01\n# end = '2024-03-11'\ntime,component,cause\n2024-03-02,job,a\n2024-03-08,job,b\n"
    assert (read(text).end_us, len(read(text).entries)) == (240 * HOUR_US, 2)
    later = read(text, start=datetime(2024, 3, 5), end=datetime(2024, 3, 9))
    assert ([each.at_us for each in later.entries], later.end_us, later.outside) == ([72 * HOUR_US], 96 * HOUR_US, 1)
    assert read(text, end=7 * 86_400.0).end_us == 168 * HOUR_US


def test_a_start_or_end_that_is_no_time_is_no_comment() -> None:
    assert read("#END: 9 h\ntime,component,cause\n1 h,job,a\n").end_us == 9 * HOUR_US
    with pytest.raises(InputError, match=r"line 1: end: got 'of June'"):
        read("# end = of June\ntime,component,cause\n1 h,job,a\n")


def test_a_part_of_a_log_without_dates_starts_and_ends_at_times_of_it() -> None:
    log = read("time,component,cause\n1 h,job,a\n5 h,job,b\n9 h,job,c\n", start=4 * 3600.0, end=8 * 3600.0)
    assert ([each.at_us for each in log.entries], log.end_us, log.outside) == ([HOUR_US], 4 * HOUR_US, 2)


def test_a_column_that_nothing_reads_is_left_out_only_if_that_is_said() -> None:
    text = "time,component,cause,ticket\n1 h,job,a,OPS-7\n"
    with pytest.raises(UnknownNameError, match=r"line 1: unknown column 'ticket'.*with ignore = \[\"ticket\"\]"):
        read(text)
    assert len(read(text, ignore=("Ticket",)).entries) == 1
    with pytest.raises(UnknownNameError, match=r"ignore: unknown column 'tickets'; did you mean 'ticket'"):
        read(text, ignore=("tickets",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"holds no failure"),
        (HEAD, r"holds no failure"),
        ("tim,component,cause\n", r"line 1: unknown column 'tim'; did you mean 'time'"),
        ("component,cause\n1,2\n", r"line 1: missing column 'time'. Got: component, cause"),
        ("time,components,cause\n", r"unknown column 'components'; did you mean 'component'"),
        ("time,component,cause,when\n", r"columns 'time' and 'when' both say time"),
        ("time,time_s,component,cause\n", r"got columns time and time_s; expected one"),
        ("time,component,cause,duration,repair_s\n", r"got columns duration and duration_s; expected one"),
        (HEAD + "1 h,gpu,a,n\n", r"line 2: got 4 values, expected 5"),
        (HEAD + "1 h,gup,a,n,\n", r"line 2: component: unknown component 'gup'; did you mean 'gpu'"),
        (HEAD + "1 h,gpu,,n,\n", r"line 2: cause: got nothing"),
        (HEAD + "\n\n5400,gpu,a,n,\n", r"line 4: time: got '5400', expected a time such as .* column time_s"),
        (HEAD + "20240301,gpu,a,n,\n", r"line 2: time: got '20240301'"),
        (HEAD + "-1 h,gpu,a,n,\n", r"line 2: time: got '-1 h'"),
        (HEAD + "2024-13-01,gpu,a,n,\n", r"line 2: time: got '2024-13-01'"),
        (HEAD + "2024-03-01,gpu,a,n,\n", r"line 2: got a time of day.* and no start of the log"),
        (HEAD + "1 h,gpu,a,n,\n2024-03-01,gpu,a,n,\n", r"line 3: got '2024-03-01T.*' in a log that starts at 0 s"),
        (HEAD + "1 h,gpu,a,n,8\n", r"line 2: duration: '8' has no unit"),
        (HEAD + "1 h,gpu,a,n,2e12 y\n", r"line 2: duration: got '2e12 y', expected at most"),
        ("time_s,component,cause\nnan,gpu,a\n", r"line 2: time_s: got 'nan', expected a number of seconds"),
        ("time_s,component,cause\n1e300,gpu,a\n", r"line 2: time_s: got '1e300'"),
        ("time,component,cause,index\n1 h,gpu,a,-1\n", r"line 2: index: got '-1'"),
        ("time,component,cause,replace\n1 h,gpu,a,maybe\n", r"line 2: replace: got 'maybe', expected yes or no"),
        (HEAD + '1 h,gpu,"a"b,n,\n', r"line 2: is no line of a CSV file"),
        (HEAD + "1 h,gpu,a,n,\n2 h,gpu,a,n,\n1 h,gpu,a,n,\n", r"line 4: the same failure as line 2"),
        ("# end = 1 h\n# end = 2 h\n" + HEAD + "1 h,gpu,a,n,\n", r"line 2: says end a second time"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(text)


def test_two_failures_at_one_instant_are_one_each_where_no_node_is_named() -> None:
    assert len(read("time,component,cause\n1 d,gpu,a\n1 d,gpu,a\n").entries) == 2
    with pytest.raises(InputError, match=r"line 3: the same failure as line 2"):
        read("time,component,cause\n1 d,job,a\n1 d,job,a\n")


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(InputError, match=r"end: lies 2 h before the log's start"):
        read("time,component,cause\n1 h,job,a\n", start=10_800.0, end=3_600.0)


@given(st.text(alphabet='time,component,cause\n"# 1h2024-03T:gpujob|', max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, HEAD + text):
        try:
            log = read(whole)
        except InputError:
            continue
        assert log.entries == tuple(sorted(log.entries, key=lambda each: each.at_us))
        assert all(0 <= each.at_us <= log.end_us for each in log.entries)
