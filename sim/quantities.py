"""Text with units to SI numbers and back, by one closed table: "400 Gbit/s", "30 min", "5.67 TB".

Prefixes are decimal except Ki, Mi, Gi, Ti; a year is 365.25 days; a bit is an eighth of a byte. What the table does
not hold is an error, and what can be read in two ways ("400 Gb") is refused.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from math import copysign, isfinite
from typing import Literal

from sim.errors import UnitError, unknown_name

Dimension = Literal[
    "time",
    "size",
    "bandwidth",
    "flop",
    "flop_rate",
    "power",
    "energy",
    "frequency",
    "length",
    "fraction",
    "money",
]


def _decimal(unit: str, prefixes: str, one: str = "1") -> dict[str, Decimal]:
    """Return `unit` with each decimal prefix ("-" for none): {"kW": 1000, ...}."""
    powers = {"-": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18, "Y": 24, "Z": 21}
    return {("" if p == "-" else p) + unit: Decimal(one).scaleb(powers[p]) for p in prefixes}


def _binary(unit: str) -> dict[str, Decimal]:
    return {f"{p}i{unit}": Decimal(1024) ** power for power, p in enumerate("KMGTP", start=1)}


UNITS: Mapping[Dimension, Mapping[str, Decimal]] = {
    "time": {
        "ns": Decimal("1e-9"),
        "us": Decimal("1e-6"),
        "ms": Decimal("1e-3"),
        "s": Decimal(1),
        "min": Decimal(60),
        "h": Decimal(3600),
        "d": Decimal(86400),
        "y": Decimal(31557600),
    },
    "size": {**_decimal("B", "-kMGTPE"), **_binary("B"), **_decimal("bit", "-kMGTP", "0.125")},
    "bandwidth": {**_decimal("B/s", "-kMGTP"), **_binary("B/s"), **_decimal("bit/s", "-kMGTP", "0.125")},
    "flop": _decimal("FLOP", "-kMGTPEZY"),
    "flop_rate": _decimal("FLOP/s", "-kMGTPEZ"),
    "power": _decimal("W", "-kMG"),
    "energy": {**_decimal("J", "-kMGT"), **_decimal("Wh", "-kMG", "3600")},
    "frequency": _decimal("Hz", "-kMG"),
    "length": {"mm": Decimal("1e-3"), "cm": Decimal("1e-2"), "m": Decimal(1), "km": Decimal(1000)},
    "fraction": {"%": Decimal("0.01")},
    "money": {"USD": Decimal(1)},
}
"""The closed table: SI value of one unit, by dimension."""

_EXAMPLES: Mapping[Dimension, str] = {
    "time": "a time such as '30 min'",
    "size": "a size such as '5.67 TB'",
    "bandwidth": "a bandwidth such as '400 Gbit/s' or '50 GB/s'",
    "flop": "a number of operations such as '6 TFLOP'",
    "flop_rate": "a rate of operations such as '989 TFLOP/s'",
    "power": "a power such as '10.2 kW'",
    "energy": "an energy such as '3 kWh'",
    "frequency": "a frequency such as '1.4 GHz'",
    "length": "a length such as '30 m'",
    "fraction": "a fraction such as '40 %' or 0.4",
    "money": "an amount of money such as '250000 USD'",
}

_SCREEN_UNITS: Mapping[Dimension, tuple[str, ...]] = {
    "time": ("ns", "us", "ms", "s", "min", "h", "d"),
    "size": ("B", "kB", "MB", "GB", "TB", "PB", "EB"),
    "bandwidth": ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s"),
    "flop": tuple(UNITS["flop"]),
    "flop_rate": tuple(UNITS["flop_rate"]),
    "power": tuple(UNITS["power"]),
    "energy": ("Wh", "kWh", "MWh", "GWh"),
    "frequency": tuple(UNITS["frequency"]),
    "length": tuple(UNITS["length"]),
    "fraction": ("%",),
    "money": ("USD",),
}

_DIMENSION_OF: Mapping[str, Dimension] = {unit: dimension for dimension, units in UNITS.items() for unit in units}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*(\S*)")
_BIT_OR_BYTE = re.compile(r"([kKMGTP]?)b(/s|ps|)")


def parse(text: object, dimension: Dimension, where: str = "") -> float:
    """Return the SI value of a quantity written with its unit.

    The product with the unit is taken in decimal, so that "7 ns" is the float 7e-9. A fraction may stand
    without a unit. Raises UnitError for a missing, unknown or ambiguous unit, one of another dimension,
    and for a value that is negative or not finite; the message starts with `where`.

    >>> parse("400 Gbit/s", "bandwidth")
    50000000000.0
    >>> parse("30 min", "time"), parse("40 %", "fraction")
    (1800.0, 0.4)
    >>> parse("400 Gb", "size", "storage.capacity")
    Traceback (most recent call last):
    sim.errors.UnitError: storage.capacity: '400 Gb' is ambiguous: did you mean Gbit or GB?
    """
    prefix = f"{where}: " if where else ""
    expected = _EXAMPLES[dimension]
    written = str(text).strip()
    match = _QUANTITY.fullmatch(written)
    if match is None:
        raise UnitError(f"{prefix}'{written}' is not a number with a unit; expected {expected}")
    number, unit = match.groups()
    factor = _factor(written, unit, dimension, prefix)
    # Checked before the product: decimal arithmetic traps what a float merely calls infinite.
    if not 0 <= float(number) < 1e300:
        raise UnitError(f"{prefix}'{written}' must be finite and not negative; expected {expected}")
    return float(Decimal(number) * factor)


def show(value: float, dimension: Dimension, digits: int = 3, unit: str | None = None) -> str:
    """Return a quantity for the screen, in the largest unit that keeps it at least 1, or in the unit given.

    >>> show(1.3124, "time"), show(5.67e12, "size"), show(50e9, "bandwidth"), show(4_665_600, "time")
    ('1.31 s', '5.67 TB', '400 Gbit/s', '54 d')
    >>> show(50e9, "bandwidth", unit="GB/s"), show(0.4137, "fraction"), show(59.9999, "time")
    ('50 GB/s', '41.4 %', '1 min')
    """
    if unit is not None:
        return f"{_significant(value / float(UNITS[dimension][unit]), digits)} {unit}"
    units = _SCREEN_UNITS[dimension]
    if value == 0 or not isfinite(value):
        base = "s" if dimension == "time" else units[0]
        return f"{_significant(value, digits)} {base}"
    factors = [float(UNITS[dimension][name]) for name in units]
    scaled = [abs(value) / factor for factor in factors]
    chosen = 0
    # Compared after rounding: 59.9999 s reads as 1 min, not as 60 s.
    while chosen + 1 < len(units) and _rounded(scaled[chosen], digits) * factors[chosen] >= factors[chosen + 1]:
        chosen += 1
    shown = max(scaled[chosen], 1.0) if chosen else scaled[0]
    return f"{_significant(copysign(shown, value), digits)} {units[chosen]}"


def show_count(value: float) -> str:
    """Return a whole number with thousands separated.

    >>> show_count(16384)
    '16,384'
    """
    return f"{value:,.0f}"


def show_usd(value: float | Decimal) -> str:
    """Return an amount of money in full: whole dollars, with cents below 1,000 USD.

    >>> show_usd(Decimal("169123456.78")), show_usd(2.5), show_usd(-12)
    ('$169,123,457', '$2.50', '-$12.00')
    """
    sign, amount = ("-" if value < 0 else ""), abs(Decimal(value))
    return f"{sign}${amount:,.2f}" if amount < 1000 else f"{sign}${amount:,.0f}"


def _factor(written: str, unit: str, dimension: Dimension, prefix: str) -> Decimal:
    """Return the SI value of one unit of a dimension, or raise why it has none."""
    if unit in UNITS[dimension]:
        return UNITS[dimension][unit]
    if not unit:
        if dimension == "fraction":
            return Decimal(1)
        raise UnitError(f"{prefix}'{written}' has no unit; expected {_EXAMPLES[dimension]}")
    if (ambiguous := _BIT_OR_BYTE.fullmatch(unit)) is not None:
        raise UnitError(f"{prefix}'{written}' is ambiguous: did you mean {_two_readings(*ambiguous.groups())}?")
    if unit in _DIMENSION_OF:
        actual = _EXAMPLES[_DIMENSION_OF[unit]].split(" such as ")[0]
        raise UnitError(f"{prefix}'{written}' is {actual}, expected {_EXAMPLES[dimension]}")
    raise UnitError(f"{prefix}'{written}': {_unknown(unit, dimension)}")


def _two_readings(letter: str, per_second: str) -> str:
    letter, rate = letter.replace("K", "k"), "/s" if per_second else ""
    return f"{letter}bit{rate} or {letter}B{rate}"


def _unknown(unit: str, dimension: Dimension) -> str:
    same = [known for known in UNITS[dimension] if known.casefold() == unit.casefold()]
    if same:
        return f"unknown unit '{unit}'; did you mean '{same[0]}'?"
    return str(unknown_name("unit", unit, UNITS[dimension]))


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _significant(value: float, digits: int) -> str:
    if isfinite(value) and abs(value) >= 10.0**digits:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
