"""Numbers and tables for a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.text import ASCII, UNICODE, WIDTH, cut, marks_for, pairs, short, signed, table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.00 k"),
        (1000, "1.00 k"),
        (16_384, "16.4 k"),
        (30.84e6, "30.8 M"),
        (2e15, "2000 T"),
    ],
)
def test_a_number_is_shown_in_three_digits(value: float, shown: str) -> None:
    assert short(value) == shown


@given(st.floats(min_value=1e-3, max_value=1e14))
def test_the_short_form_is_within_half_a_percent(value: float) -> None:
    digits, _, prefix = short(value).partition(" ")
    factor = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}[prefix]
    assert float(digits) * factor == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("encoding", "marks"), [("utf-8", UNICODE), ("latin-1", ASCII), ("ascii", ASCII), ("no such", ASCII), (None, ASCII)]
)
def test_bars_are_plain_where_the_terminal_cannot_show_blocks(encoding: str | None, marks: object) -> None:
    assert marks_for(encoding) == marks


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table([["", "n"], ["long name", "1,234"]], "<>") == ["               n", "long name  1,234"]


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=15), st.text("cd", min_size=1, max_size=60))))
def test_no_fact_is_lost_and_no_line_too_long(facts: list[tuple[str, str]]) -> None:
    lines = pairs(facts)
    assert [word for line in lines for word in line.split()] == [word for fact in facts for word in fact]
    assert all(len(line) <= WIDTH for line in lines)


def test_a_name_that_is_cut_shows_that_it_goes_on() -> None:
    assert cut("AllReduce, ml-engineering, 67,108,864 B", 20) == "AllReduce, ml-engi.."
    assert len(cut("x" * 60, 52)) == 52


def test_a_change_of_more_than_tenfold_is_told_in_times() -> None:
    assert (signed(9.99), signed(9800)) == ("+999.0 %", "9,801 times")
