"""Plain text for a terminal of 80 columns: numbers in few digits, tables, and the marks that bars are drawn with."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from textwrap import wrap
from typing import Any, NamedTuple

Result = Mapping[str, Any]
"""What a command prints with --json."""

WIDTH = 80

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class Marks(NamedTuple):
    """The characters of a bar: what is kept, what is lost, and a loss too small for a whole character."""

    kept: str
    lost: str
    thin: str


UNICODE = Marks("█", "▒", "▕")
ASCII = Marks("#", "-", "|")


def marks_for(encoding: str | None) -> Marks:
    """Return the marks that a stream's encoding can carry.

    >>> marks_for("utf-8").kept, marks_for("ascii").kept, marks_for(None).kept
    ('█', '#', '#')
    """
    try:
        "".join(UNICODE).encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def percent(fraction: float | None, digits: int = 1) -> str:
    """Return a fraction in percent, or "-" where there is none.

    >>> percent(0.40312), percent(None), percent(0.0004, 2)
    ('40.3 %', '-', '0.04 %')
    """
    return "-" if fraction is None else f"{100 * fraction:.{digits}f} %"


def tenths(parts: int) -> str:
    """Return tenths of a percent, as the waterfall rounds them.

    >>> tenths(403)
    '40.3 %'
    """
    return f"{parts // 10}.{parts % 10} %"


def signed(error: float) -> str:
    """Return an error as a fraction with its sign, in percent.

    >>> signed(-0.0891), signed(9800)
    ('-8.9 %', '9,801 times')
    """
    if error >= 10:
        return f"{1 + error:,.0f} times"
    return f"{100 * error:+.1f} %"


def short(value: float, digits: int = 3) -> str:
    """Return a number in few digits, with an SI prefix from a thousand on.

    >>> short(28_912_345), short(15.6e12), short(0.1234), short(999.96), short(9_620)
    ('28.9 M', '15.6 T', '0.123', '1.00 k', '9.62 k')
    """
    for factor, prefix in _PREFIXES:
        # Compared after rounding: 999.96 reads as 1.00 k, not as 1000.
        if abs(float(f"{value:.{digits}g}")) >= factor:
            return f"{_digits(value / factor, digits)} {prefix}"
    return f"{value:.{digits}g}"


def short_usd(value: float | Decimal, digits: int = 3) -> str:
    """Return an amount of money in few digits: G is a billion.

    >>> short_usd(98_123_456), short_usd(-1.5), short_usd(0.00123)
    ('$98.1 M', '-$1.50', '$0.00')
    """
    amount = float(value)
    body = f"{abs(amount):.2f}" if abs(amount) < 1000 else short(abs(amount), digits)
    return f"{'-' if amount < 0 else ''}${body}"


def table(rows: Sequence[Sequence[str]], align: str, gap: int = 2) -> list[str]:
    """Return the lines of a table; align has one of "<" and ">" a column.

    >>> table([["a", "1"], ["bb", "22"]], "<>")
    ['a    1', 'bb  22']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(align))]
    return [
        (" " * gap).join(f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True)).rstrip()
        for row in rows
    ]


def listed(names: Sequence[str]) -> str:
    """Return names in a sentence: parted by semicolons where one of them has a comma of its own.

    >>> listed(["1", "2"]), listed(["1, x", "2, x"])
    ('1, 2', '1, x; 2, x')
    """
    return ("; " if any("," in name for name in names) else ", ").join(names)


def cut(name: str, width: int) -> str:
    """Return a name in so many characters; dots say that it goes on.

    >>> cut("all-reduce", 10), cut("all-reduce of 8 GPUs", 12)
    ('all-reduce', 'all-reduce..')
    """
    return name if len(name) <= width else f"{name[: width - 2].rstrip()}.."


def pairs(facts: Sequence[tuple[str, str]], columns: tuple[int, ...] = (17, 24, 16)) -> list[str]:
    """Return facts in lines of two, each a name and its value; a value wider than its column gets a line of its own.

    >>> pairs([("a", "1"), ("b", "2"), ("c", "3")], (3, 4, 3))
    ['a  1   b  2', 'c  3']
    """
    name, value, second = columns
    lines: list[str] = []
    waiting = ""
    for label, text in facts:
        if waiting and len(waiting.rstrip()) < name + value:
            candidate = f"{waiting}{label:<{second}}{text}"
            if len(candidate) <= WIDTH:
                lines.append(candidate)
                waiting = ""
                continue
        if waiting:
            lines.append(waiting.rstrip())
        waiting = f"{label:<{name}}{text:<{value}}"
    return [*lines, waiting.rstrip()] if waiting else lines


def wrapped(text: str, later: str = "  ", first: str = "") -> list[str]:
    """Return a paragraph in lines of at most 80 columns; first and later are their indents."""
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)


def _digits(value: float, digits: int) -> str:
    # Counted after rounding to these digits: 9.62 has one before the point, 9.996 has two.
    whole = len(str(int(abs(float(f"{value:.{digits}g}")))))
    return f"{value:.{max(digits - whole, 0)}f}"
