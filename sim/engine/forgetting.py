"""The parts of a run know each other, so that only a collector of garbage would find them once the run is over.

Batches simulate thousands of runs between two collections; so a run that is over takes its parts apart.
"""

from collections.abc import Iterable, Iterator

_HOUSE = __name__.rsplit(".", maxsplit=1)[0] + "."


def forget(parts: Iterable[object], lent: Iterable[object]) -> None:
    """Take from parts of the engine, and from all parts that these know, whatever they hold; lent: but from these."""
    left, kept = [*parts], {id(part) for part in lent}
    while left:
        part = left.pop()
        if type(part).__module__.startswith(_HOUSE) and id(part) not in kept:
            held = [*_held(part)]
            for name, _ in held:
                object.__delattr__(part, name)
            left += [value for _, value in held]


def _held(part: object) -> Iterator[tuple[str, object]]:
    """Yield what a part holds, by name."""
    names = [name for kind in type(part).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in (*names, *getattr(part, "__dict__", ())):
        if name in getattr(part, "__dict__", ()) or hasattr(part, name):
            yield name, getattr(part, name)
