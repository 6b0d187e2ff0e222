"""Whose failure a log's is in a simulated cluster: which node stands for each of the log's, and which component."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import InputError, ScenarioError
from sim.reliability.records import NODE_PARTS, SHARED_COMPONENTS, STORE
from sim.reliability.replay.entries import Entry
from sim.streams import uniforms

REPLAYED = (*NODE_PARTS, "job", STORE, *SHARED_COMPONENTS)
"""Components whose failures can be replayed."""

RULES = ("appearance", "index", "modulo", "sample")
"""Which node stands for one of a log: the next in the order in which the log's nodes fail; that of the same number; the
next, and again from node 0 where the log has more nodes; or the next, for a drawn part of the log's nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The cluster that a log meets: the job's nodes and spares, and the components of each sort in one node (or 1)."""

    nodes: int
    spare_nodes: int
    per_node: Mapping[str, int]
    seed: int

    @property
    def total(self) -> int:
        """All nodes."""
        return self.nodes + self.spare_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """The component of each entry of a log, and the names of the network's parts that it has, by component.

    nodes: how many of a log's have a place; unsampled: failures of those that have none, by the rule "sample".
    """

    rule: str
    components: tuple[int, ...]
    parts: Mapping[str, tuple[str, ...]]
    nodes: int
    unsampled: int = 0


def seated(entries: Sequence[Entry], fleet: Fleet, rule: str | None) -> Seating:
    """Return who stands for whom; rule: one of RULES, by default "index" where all nodes are numbers.

    A failure of one of several nodes hits one that is drawn from the seed, by its position in the log; one that names
    no node, or not which of a node's components, a drawn one of the job's nodes, or of its components. Parts of the
    network are numbered as they appear.

    Raises ScenarioError for a log of more nodes than there are, InputError for a part that is not named and a number
    beyond what there is.
    """
    drawn = [uniforms(fleet.seed, "replay", what, count=len(entries)) for what in ("node", "part")]
    chosen = [_chosen(entry, float(u)) for entry, u in zip(entries, drawn[0], strict=True)]
    used = rule or ("index" if all(name.isdecimal() for name in chosen if name) else "appearance")
    number = _numbers(entries, chosen, fleet, used)
    parts = {each: _parts([e for e in entries if e.component == each]) for each in SHARED_COMPONENTS}
    components = tuple(
        _component(entry, number.get(name), (float(u), float(v)), fleet, parts)
        for entry, name, u, v in zip(entries, chosen, *drawn, strict=True)
    )
    return Seating(rule=used, components=components, parts=parts, nodes=len({*number} - {""}))


def _chosen(entry: Entry, u: float) -> str:
    """Return the name of the node that failed, "" for none that is named or could be."""
    if entry.component in (STORE, *SHARED_COMPONENTS) or not entry.nodes:
        return ""
    if entry.component == "job":
        raise InputError(
            f"{entry.where}: got node '{entry.nodes[0]}' and component job, which hits no node; expected no node, or "
            "component node"
        )
    return entry.nodes[int(u * len(entry.nodes))]


def _numbers(entries: Sequence[Entry], chosen: Sequence[str], fleet: Fleet, rule: str) -> dict[str, int]:
    """Return the node that stands for each of the log's."""
    names = [name for name in dict.fromkeys(chosen) if name]
    if rule == "index":
        first = dict(zip(reversed(chosen), (entry.where for entry in reversed(entries)), strict=True))
        return {name: _index(name, first[name], fleet.total) for name in names}
    if rule == "modulo":
        # Numbers that are as many as the log's own nodes stay what they are.
        own = all(name.isdecimal() and len(name) < 10 for name in names)
        return {name: (int(name) if own else at) % fleet.total for at, name in enumerate(names)}
    if len(names) > fleet.total:
        raise ScenarioError(
            f"{len(names):,} nodes fail in the log, and the scenario has {fleet.nodes:,} and {fleet.spare_nodes:,} "
            'spare; expected at most as many, or nodes = "modulo", which gives a node the failures of several'
        )
    return {name: at for at, name in enumerate(names)}


def _index(name: str, where: str, total: int) -> int:
    if not (name.isdecimal() and len(name) < 10 and int(name) < total):
        raise ScenarioError(
            f"{where}: got node '{name}', expected a number from 0 to {total - 1}; or nodes = \"appearance\" or "
            '"modulo", by which other nodes stand for the log\'s'
        )
    return int(name)


def _parts(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the names of the parts of the network of one sort that failed; numbers where only those are known."""
    if entries and all(not entry.nodes and entry.index >= 0 for entry in entries):
        return tuple(str(number) for number in range(1 + max(entry.index for entry in entries)))
    for entry in entries:
        if not entry.nodes:
            raise InputError(f"{entry.where}: got no name of the {entry.component} that failed; expected it as node")
    return tuple(dict.fromkeys(entry.nodes[0] for entry in entries))


def _component(
    entry: Entry, node: int | None, drawn: tuple[float, float], fleet: Fleet, parts: Mapping[str, tuple[str, ...]]
) -> int:
    if entry.component in ("job", STORE):
        return 0
    if entry.component in SHARED_COMPONENTS:
        return parts[entry.component].index(entry.nodes[0]) if entry.nodes else entry.index
    each = fleet.per_node.get(entry.component, 1)
    if entry.index >= each:
        raise InputError(
            f"{entry.where}: index: got {entry.index}, expected 0 to {each - 1}: a node has {each} {entry.component}"
        )
    # numpy would leak its own integers into the clock.
    at = int(np.floor(drawn[0] * fleet.nodes)) if node is None else node
    return at * each + (int(np.floor(drawn[1] * each)) if entry.index < 0 else entry.index)
