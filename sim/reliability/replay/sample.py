"""A log of a larger cluster: the failures of as many of its nodes as a scenario has."""

from collections.abc import Sequence
from dataclasses import replace

from sim.errors import ScenarioError
from sim.reliability.records import SHARED_COMPONENTS, STORE
from sim.reliability.replay.entries import Entry
from sim.streams import named_uniforms, uniforms


def sampled(entries: Sequence[Entry], total: int, log_nodes: int, seed: int) -> tuple[Entry, ...]:
    """Return the failures of `total` of the `log_nodes` nodes of a log, drawn by their names, so that rates stay.

    A node is kept with probability total / log_nodes, at most `total` of those that fail; so is a failure that names no
    node. Failures of the job and of the network are all kept: they do not grow with the nodes.

    Raises ScenarioError for a log of fewer nodes than there are, or than fail in it.

    >>> lost = [Entry(component="node", cause="c", nodes=(f"n{number}",)) for number in range(1000)]
    >>> 220 < len(sampled(lost, 256, 1024, seed=1)) <= 256
    True
    """
    if log_nodes < total:
        raise ScenarioError(f"log_nodes: got {log_nodes:,}, expected at least the {total:,} nodes of the scenario")
    chances = uniforms(seed, "replay", "sample", count=len(entries)).tolist()
    one = [_one(entry, chance) for entry, chance in zip(entries, chances, strict=True)]
    names = list(dict.fromkeys(entry.nodes[0] for entry in one if _in_node(entry) and entry.nodes))
    if len(names) > log_nodes:
        raise ScenarioError(f"log_nodes: got {log_nodes:,}, expected at least the {len(names):,} nodes that fail in it")
    by_name = dict(zip(names, named_uniforms(seed, "replay", "sample", members=names).tolist(), strict=True))
    share = total / log_nodes
    kept = set(sorted((name for name in names if by_name[name] < share), key=by_name.__getitem__)[:total])
    return tuple(
        entry
        for entry, chance in zip(one, chances, strict=True)
        if not _in_node(entry) or (entry.nodes[0] in kept if entry.nodes else chance < share)
    )


def _in_node(entry: Entry) -> bool:
    return entry.component not in ("job", STORE, *SHARED_COMPONENTS)


def _one(entry: Entry, chance: float) -> Entry:
    """Return a failure of one of several nodes as that of a drawn one."""
    if len(entry.nodes) < 2 or not _in_node(entry):
        return entry
    return replace(entry, nodes=(entry.nodes[int(chance * len(entry.nodes))],))
