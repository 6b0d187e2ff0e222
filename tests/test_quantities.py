"""Text with units reads as SI numbers by one closed table, and is written back for the screen."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UnitError
from sim.quantities import UNITS, Dimension, parse, show, show_count, show_usd


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("1.31 s", "time", 1.31),
        ("30 min", "time", 1800.0),
        ("7 ns", "time", 7e-9),
        ("54 d", "time", 4_665_600.0),
        ("1 y", "time", 365.25 * 86400),
        ("5.67 TB", "size", 5.67e12),
        ("80 GiB", "size", 80 * 2**30),
        ("400 Gbit", "size", 50e9),
        ("400 Gbit/s", "bandwidth", 50e9),
        ("400Gbit/s", "bandwidth", 50e9),
        ("900 GB/s", "bandwidth", 900e9),
        ("989 TFLOP/s", "flop_rate", 989e12),
        ("3.8e7 EFLOP", "flop", 3.8e25),
        ("10.2 kW", "power", 10_200.0),
        ("1 kWh", "energy", 3.6e6),
        ("1.4 GHz", "frequency", 1.4e9),
        ("30 m", "length", 30.0),
        ("40 %", "fraction", 0.4),
        ("0.4", "fraction", 0.4),
        (0.4, "fraction", 0.4),
        (".5 USD", "money", 0.5),
        ("  2 h ", "time", 7200.0),
        ("0 s", "time", 0.0),
    ],
)
def test_a_quantity_reads_as_its_si_value(text: object, dimension: Dimension, expected: float) -> None:
    assert parse(text, dimension) == expected


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        ("30", "time", "'30' has no unit; expected a time such as '30 min'"),
        (30, "time", "'30' has no unit"),
        ("400 Gbit/s", "time", "'400 Gbit/s' is a bandwidth, expected a time"),
        ("5 m", "time", "'5 m' is a length, expected a time"),
        ("400 Gb", "size", "'400 Gb' is ambiguous: did you mean Gbit or GB?"),
        ("400 Gb/s", "bandwidth", "did you mean Gbit/s or GB/s?"),
        ("400 Gbps", "bandwidth", "did you mean Gbit/s or GB/s?"),
        ("3 b", "size", "did you mean bit or B?"),
        ("3 kw", "power", "unknown unit 'kw'; did you mean 'kW'?"),
        ("3 mins", "time", "unknown unit 'mins'; did you mean 'min'?"),
        ("3 fortnights", "time", "unknown unit 'fortnights'. Known: d, h, min"),
        ("-3 s", "time", "'-3 s' must be finite and not negative"),
        ("1e400 s", "time", "must be finite"),
        ("nan s", "time", "'nan s' is not a number with a unit"),
        ("inf s", "time", "'inf s' is not a number with a unit"),
        ("1,000 s", "time", "is not a number with a unit"),
        ("3 s 4 min", "time", "is not a number with a unit"),
        ("", "time", "'' is not a number with a unit"),
        (True, "time", "'True' is not a number with a unit"),
        ([1, "s"], "time", "is not a number with a unit"),
    ],
)
def test_what_cannot_be_read_is_one_line_that_says_why(text: object, dimension: Dimension, message: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text, dimension, "checkpoint.every")
    assert str(caught.value).startswith("checkpoint.every: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_unit_belongs_to_one_dimension_and_every_dimension_has_units() -> None:
    units = [unit for table in UNITS.values() for unit in table]
    assert len(units) == len(set(units))
    assert set(UNITS) == set(get_args(Dimension))


@pytest.mark.parametrize(("unit", "seconds"), [("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)])
@given(count=st.integers(0, 10**6))
def test_decimal_text_reads_without_binary_rounding(count: int, unit: str, seconds: float) -> None:
    assert parse(f"{count} {unit}", "time") == float(Decimal(count) * Decimal(str(seconds)))


@pytest.mark.parametrize("dimension", ["time", "size", "bandwidth", "flop", "flop_rate", "power", "energy", "length"])
@given(value=st.floats(1e-6, 1e15))
def test_what_is_shown_reads_back(value: float, dimension: Dimension) -> None:
    shown = show(value, dimension, digits=15).replace(",", "")
    assert parse(shown, dimension) == pytest.approx(value, rel=1e-12)


@given(value=st.floats(1e-9, 1e7))
def test_a_shown_time_stays_below_the_next_unit(value: float) -> None:
    number, unit = show(value, "time").replace(",", "").split()
    limits = {"ns": 1000, "us": 1000, "ms": 1000, "s": 60, "min": 60, "h": 24, "d": float("inf")}
    assert float(number) < limits[unit]
    assert float(number) >= 1 or unit == "ns"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(59.94, "59.9 s"), (59.96, "1 min"), (-59.96, "-1 min"), (0, "0 s"), (86399.99, "1 d"), (1e9, "11,574 d")],
)
def test_rounding_carries_into_the_next_unit(value: float, expected: str) -> None:
    assert show(value, "time") == expected


def test_the_unit_of_the_screen_can_be_chosen() -> None:
    assert show(50e9, "bandwidth") == "400 Gbit/s"
    assert show(50e9, "bandwidth", unit="GB/s") == "50 GB/s"


def test_counts_and_money_are_grouped_by_thousands() -> None:
    assert show_count(16384) == "16,384"
    assert show_usd(Decimal("1234567.891")) == "$1,234,568"
    assert show_usd(0) == "$0.00"
