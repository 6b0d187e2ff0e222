"""How replicas of an elastic job leave it and join it again, for `Nodes`: blocks of seats, all of them taken or out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.engine.places.elastic import Blocks

if TYPE_CHECKING:
    from sim.engine.places.nodes import Nodes


def regroup(nodes: "Nodes", blocks: Blocks) -> None:
    """Spares make blocks whole; what is not leaves the job, which takes all back if it has to wait for nodes."""
    for block in blocks.by_need():
        if len(blocks.empty[block]) <= len(nodes.shelf.rank):
            _seat_spares(nodes, blocks, block)
    if not blocks.enough():
        for block in blocks.by_need():
            _seat_spares(nodes, blocks, block)
    if joining := blocks.growing():
        _take_back(nodes, blocks, joining)
    if leaving := blocks.shrinking():
        cause, _ = max((blocks.why[block] for block in leaving), key=lambda why: why[1])
        nodes.record.event(nodes.env.now, "shrunk", cause)
        for block in leaving:
            _leave_out(nodes, blocks, block)
    nodes.regrouped()


def idle(nodes: "Nodes", blocks: Blocks) -> list[int]:
    """Return the nodes of blocks that are out."""
    sitting = (node for block in blocks.out for node in _sitters(nodes, blocks, block))
    return [node for node in sitting if nodes.place[node] == "idle"]


def _seat_spares(nodes: "Nodes", blocks: Blocks, block: int) -> None:
    for seat in sorted(blocks.empty[block]):
        if (taken := nodes.shelf.take(0)) is None:
            return
        nodes.join(*taken, 0, seat)
        blocks.sit_down(seat)


def _take_back(nodes: "Nodes", blocks: Blocks, joining: Sequence[int]) -> None:
    """Blocks are whole and join the job again, or it waits, and has what idle nodes they have."""
    back = [node for block in joining for node in _sitters(nodes, blocks, block) if nodes.place[node] == "idle"]
    blocks.out.difference_update(joining)
    if not (back or blocks.enough()):
        return
    event = nodes.record.event(nodes.env.now, "regrown" if blocks.enough() else "recalled")
    for node in back:
        nodes.place[node] = "job"
        nodes.in_job += 1
        nodes.record.move(nodes.env.now, node, "job", "", event)
        nodes.clock.join(node)


def _leave_out(nodes: "Nodes", blocks: Blocks, block: int) -> None:
    """The nodes of a block leave the job and are idle; those whose failure is not found yet leave as failed."""
    blocks.out.add(block)
    why = blocks.why[block]
    for node in _sitters(nodes, blocks, block):
        if nodes.place[node] == "failed":
            nodes.dismiss(node)
        else:
            nodes.in_job -= 1
            nodes.clock.leave(node)
            nodes.set_aside(node, *why)


def _sitters(nodes: "Nodes", blocks: Blocks, block: int) -> list[int]:
    empty = blocks.empty.get(block, ())
    return [nodes.seating.sitter(seat) for seat in blocks.seats[block] if seat not in empty]
