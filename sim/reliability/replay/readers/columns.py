"""The header of a log: which column means what, and what is missing or unknown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from sim.errors import InputError, unknown_name


def plain(name: str) -> str:
    """Return the name of a column as it is compared: in small letters, with one sort of dash.

    >>> plain(" Node Name")
    'node_name'
    """
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def find_columns(
    header: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
    needed: Sequence[tuple[str, ...]],
    where: str,
    ignore: Sequence[str] | None = (),
) -> dict[str, int]:
    """Return where each known column stands, by its own name; what is known by several names stands once.

    needed: of each group of names one has to be there. ignore: columns that are read by nothing because the user says
    so; None for all that are not known. Raises InputError for what is missing, with the nearest that is there, or
    stands twice; UnknownNameError for what is neither known nor ignored.

    >>> find_columns(["When", "Host"], {"time": ["when"], "node": ["host"]}, [("time",)], "line 1")
    {'time': 0, 'node': 1}
    """
    _check_ignored(header, ignore or (), where)
    own = {plain(name): column for column, names in aliases.items() for name in (column, *names)}
    ignored = {plain(name) for name in ignore or ()}
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        column = own.get(plain(name))
        if plain(name) in ignored:
            continue
        if column in found:
            raise InputError(f"{where}: columns '{header[found[column]]}' and '{name}' both say {column}; expected one")
        if column is not None:
            found[column] = position
        elif ignore is not None:
            raise _unknown(name, aliases, where)
    for group in needed:
        if not any(column in found for column in group):
            raise _missing(group, header, where)
    return found


def _unknown(name: str, aliases: Mapping[str, Sequence[str]], where: str) -> InputError:
    error = unknown_name("column", name.strip(), aliases, where)
    return type(error)(f'{error}. What nothing reads is left out with ignore = ["{name.strip()}"]')


def _check_ignored(header: Sequence[str], ignore: Sequence[str], where: str) -> None:
    there = {plain(name) for name in header}
    for name in ignore:
        if plain(name) not in there:
            raise unknown_name("column", name, header, f"{where}: ignore")
    twice = [name for name, count in Counter(plain(name) for name in ignore).items() if count > 1]
    if twice:
        raise InputError(f"{where}: ignore: names '{twice[0]}' twice; expected it once")


def _missing(group: tuple[str, ...], header: Sequence[str], where: str) -> InputError:
    names = {plain(name): name.strip() for name in header if name.strip()}
    near = [names[each] for column in group for each in get_close_matches(plain(column), names, n=1, cutoff=0.5)]
    hint = f"; the nearest is '{near[0]}'" if near else ""
    return InputError(f"{where}: missing column '{group[0]}'{hint}. Got: {', '.join(names.values()) or 'no names'}")
