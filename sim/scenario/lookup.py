"""Entries of the catalog by the names that a scenario gives."""

from collections.abc import Callable
from typing import TypeVar

from sim.errors import UnknownNameError

T = TypeVar("T")


def look_up(find: Callable[[str], T], name: str, key: str) -> T:
    """Return a catalog entry; an unknown name is an error at the scenario's key.

    >>> from sim import catalog
    >>> look_up(catalog.node, "dgx-h100", "cluster.node").accelerators
    8
    """
    try:
        return find(name)
    except UnknownNameError as error:
        raise UnknownNameError(f"{key}: {error}") from None
