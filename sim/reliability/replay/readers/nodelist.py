"""Slurm's lists of nodes: names joined by commas, with ranges of numbers in brackets."""

import re
from itertools import product

from sim.errors import InputError

MOST_NODES = 1_000_000
"""More than any cluster holds: a range that was mistyped."""

_NAME = re.compile(r"(?:[^\[\],]|\[[^\[\]]*\])+")
_PARTS = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def expand(text: str, where: str) -> tuple[str, ...]:
    """Return the names of a node list; numbers keep the width that their range is written with.

    Raises InputError for brackets that do not match and ranges that are none.

    >>> expand("node[001-003,7],login", "line 2")
    ('node001', 'node002', 'node003', 'node7', 'login')
    """
    text = text.strip()
    names = _NAME.findall(text)
    if not names or ",".join(names) != text:
        raise InputError(f"{where}: got '{text}', expected nodes such as node[001-004,7]")
    expanded = [name for each in names for name in _names(each, where)]
    return tuple(dict.fromkeys(expanded))


def _names(name: str, where: str) -> list[str]:
    """Return the names of one element, which may hold several brackets."""
    choices = [_numbers(ranges, where) if ranges or not text else [text] for ranges, text in _PARTS.findall(name)]
    count = 1
    for each in choices:
        count *= len(each)
    if count > MOST_NODES:
        raise InputError(f"{where}: '{name}' names {count} nodes; expected at most {MOST_NODES}")
    return ["".join(parts) for parts in product(*choices)]


def _numbers(ranges: str, where: str) -> list[str]:
    numbers: list[str] = []
    for each in ranges.split(","):
        match = _RANGE.fullmatch(each.strip())
        if match is None or len(each) > 40:
            raise InputError(f"{where}: got range '{each[:40]}', expected numbers such as 001-004")
        first, last = match[1], match[2] or match[1]
        if not int(first) <= int(last) < int(first) + MOST_NODES:
            raise InputError(
                f"{where}: got range '{each}', expected the smaller number first, and fewer than a million"
            )
        numbers += [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
    return numbers
