"""Slurm's lists of nodes: names joined by commas, with ranges of numbers in brackets."""

import re
from functools import lru_cache
from itertools import product
from math import prod

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
    try:
        return _expanded(text.strip())
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


@lru_cache(maxsize=256)
def _expanded(text: str) -> tuple[str, ...]:
    """Return the names of a list, which stands behind one job after the other."""
    names = _NAME.findall(text)
    if not names or ",".join(names) != text:
        raise InputError(f"got '{text}', expected nodes such as node[001-004,7]")
    return tuple(dict.fromkeys(name for each in names for name in _names(each)))


def _names(name: str) -> list[str]:
    """Return the names of one element, which may hold several brackets."""
    choices = [_numbers(ranges) if ranges or not text else [text] for ranges, text in _PARTS.findall(name)]
    count = prod(map(len, choices))
    if count > MOST_NODES:
        raise InputError(f"'{name}' names {count} nodes; expected at most {MOST_NODES}")
    return ["".join(parts) for parts in product(*choices)]


def _numbers(ranges: str) -> list[str]:
    numbers: list[str] = []
    for each in ranges.split(","):
        match = _RANGE.fullmatch(each.strip())
        if match is None or len(each) > 40:
            raise InputError(f"got range '{each[:40]}', expected numbers such as 001-004")
        first, last = match[1], match[2] or match[1]
        if not int(first) <= int(last) < int(first) + MOST_NODES:
            raise InputError(f"got range '{each}', expected the smaller number first, and fewer than a million")
        numbers += [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
    return numbers
