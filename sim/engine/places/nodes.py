"""The places of the nodes of a run.

States of a node: job (it computes), failed (still in the job, until the failure is detected), spare, repair,
maintenance (planned), retired (gone, until one that was ordered stands in its place: `Orders`), and idle (nothing is
wrong with it, but the network or an outage of its domain has cut it off, or its replica is out of an elastic job:
`Blocks`).
A failure makes a job's node failed and sends a spare to repair; the job's recovery sends failed nodes to repair and
takes spares into the job; the repair shop returns a node, into a job that waits or to the spares. A node remembers
what broke in it; all of it is renewed when it returns. Every node of the job has a seat (`Seating`): where scale-up
domains have spares of their own, one that becomes free waits for a spare of its domain, or for a whole spare domain.
"""

from collections.abc import Callable, Iterable

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.jobs.record import Record
from sim.engine.lives.failures import FailureClock
from sim.engine.places.elastic import Blocks
from sim.engine.places.regroup import idle, regroup
from sim.engine.places.repair import Outcome, SendToRepair
from sim.engine.places.seating import Seating, nth_without
from sim.engine.places.shelf import Shelf
from sim.ledger.time.trace import RETIRED
from sim.reliability.failures.exposure import STRUCK, Life
from sim.reliability.recovery.swaps import COLD


class Nodes:
    """Who is in the job, spare, or in repair; every move is recorded.

    Failed nodes are kept with the failure (cause and event) that they are replaced for, nodes that are cut off with the
    one that cut them off.
    """

    __slots__ = (
        "accused",
        "away",
        "blocks",
        "broken",
        "clock",
        "cut",
        "drawn",
        "env",
        "failed",
        "grows",
        "in_job",
        "job_waits",
        "local",
        "losses",
        "place",
        "record",
        "regrouped",
        "retired",
        "ring",
        "seating",
        "send",
        "shelf",
        "size",
    )

    def __init__(self, env: IntegerEnvironment, record: Record, clock: FailureClock, send: SendToRepair) -> None:
        plan = record.plan
        self.env = env
        self.record = record
        self.clock = clock
        self.send = send
        self.size = self.in_job = plan.nodes
        self.place = ["job"] * plan.nodes + ["spare"] * plan.spare_nodes
        self.shelf = Shelf(plan)
        self.seating = Seating(plan)
        self.blocks = None if plan.recovery.elastic is None else Blocks(plan)
        # How ready the spares were that the job has taken; whoever uses this empties it.
        self.drawn: set[int] = set()
        self.broken: dict[int, list[Life]] = {}
        # Those of the failed in which nothing is broken.
        self.accused: set[int] = set()
        self.failed: dict[int, tuple[str, int]] = {}
        self.cut: dict[int, tuple[str, int]] = {}
        # Nodes that are due for maintenance or in it: for how long, by which planned cause and event.
        self.away: dict[int, tuple[int, str, int]] = {}
        # Whether the job waits for nodes, and how to tell it that one is there.
        self.job_waits: Callable[[], bool] = lambda: False
        self.ring: Callable[[], None] = lambda: None
        # Called when spares have come that make a block whole, and when blocks have taken all that they can.
        self.grows: Callable[[], None] = lambda: None
        self.regrouped: Callable[[], None] = lambda: None
        # Called with a node that is gone for good, and the cause that it was retired for; None: each is exchanged.
        self.retired: Callable[[int, str], None] | None = None
        # When a node left its seat, or failed on it, and which seat: what it held is gone.
        self.losses: list[tuple[int, int]] = []
        self.local = any(tier.local for tier in record.course.tiers)

    def breaks(self, life: Life, cause: str, event: int) -> None:
        """A component that takes its node along has failed, wherever the node is."""
        node = life.node
        if node in self.broken:
            self.broken[node].append(life)
            return
        place = self.place[node]
        if place == "failed":
            self.failed[node] = (cause, event)
        self.broken[node] = [life]
        (self._fails if place == "job" else self._leaves)(node, cause, event)

    def fails(self, node: int, cause: str, event: int) -> None:
        """A node must be repaired, wherever it is; what breaks first is what one that fails already is repaired for."""
        if self.place[node] == "failed" and node not in self.broken:
            self.failed[node] = (cause, event)
        self.broken.setdefault(node, [])
        self._leaves(node, cause, event)

    def _leaves(self, node: int, cause: str, event: int) -> None:
        place = self.place[node]
        if place == "job":
            self._fails(node, cause, event)
        elif place == "spare":
            self._off_shelf(node)
            self._to_repair(node, cause, event)
        elif place == "idle":
            self._vacate(node, cause, event)
            self._to_repair(node, cause, event)

    def is_broken(self, life: Life) -> bool:
        """Say whether the component of a life is among what a repair has yet to renew."""
        return any(each[1:3] == life[1:3] for each in self.broken.get(life.node, ()))

    def accuse(self, node: int, cause: str, event: int) -> None:
        """A node of the job is taken for one that failed: the job replaces it, and repair finds that it is well."""
        if self.place[node] == "job":
            self._fails(node, cause, event)
            self.accused.add(node)

    def healthy(self, share: float) -> int | None:
        """Return the node at a share in [0, 1) of those that work in the job, by seat; None where none does."""
        seating = self.seating
        out = idle(self, self.blocks) if self.blocks is not None else []
        lost = [seating.seat(node) for node in (*self.failed, *out)]
        lost += (seat for seats in seating.empty.values() for seat in seats)
        works = self.size - len(lost)
        return seating.sitter(nth_without(sorted(lost), int(share * works))) if works else None

    def evict(self, node: int, lives: list[Life], cause: str, event: int) -> None:
        """A node of the job is taken out for repair, with what is wrong in it, if anything is."""
        if not lives:
            self.accuse(node, cause, event)
            return
        self.broken.setdefault(node, []).extend(lives)
        self._fails(node, cause, event)

    def cut_off(self, node: int, cause: str, event: int) -> bool:
        """The network cuts a node off, wherever it is; say whether the job loses it by that."""
        self.cut[node] = cause, event
        if self.place[node] == "spare":
            self._off_shelf(node)
            self.set_aside(node, cause, event)
        if self.place[node] != "job":
            return False
        self._fails(node, cause, event)
        return True

    def maintain(self, node: int, duration_us: int, cause: str, event: int) -> bool:
        """A node is due for maintenance, a spare at once; say whether the job has to let it go first."""
        out = self.blocks is not None and self.place[node] == "idle"
        if not (out or self.place[node] in ("job", "spare")) or node in self.away:
            return False
        self.away[node] = duration_us, cause, event
        if self.place[node] == "job":
            return True
        if out:
            self._vacate(node, cause, event)
        else:
            self._off_shelf(node)
        self._to_maintenance(node)
        return False

    def excuse(self, nodes: Iterable[int], cause: str, event: int) -> None:
        """Nodes that are due for maintenance leave with the others that leave next."""
        for node in nodes:
            if self.place[node] == "job":
                self._fails(node, cause, event)
            elif self.blocks is not None and self.place[node] == "idle" and node in self.away:
                self._vacate(node, cause, event)
                self._to_maintenance(node)

    def reconnected(self, node: int, cause: str, waiting: bool, event: int) -> None:
        """The network reaches a node again; one that was only set aside can be used at once."""
        del self.cut[node]
        if self.place[node] == "idle":
            self._available(node, cause, waiting, event)

    def members(self) -> tuple[int, ...]:
        """Return the nodes of the job by seat, without those that are missing."""
        return self.seating.members()

    def seated(self) -> tuple[int, ...]:
        """Return the node of every seat, none of which is empty."""
        assert not self.seating.empty, "only a job that lacks no node has all its seats taken"
        return self.members()

    def replace(self, leaving: Iterable[int]) -> None:
        """Failed nodes leave the job for repair, and spares join it while it misses any."""
        for node in leaving:
            self.dismiss(node)
        self._fill()

    def seats_of(self, nodes: Iterable[int]) -> list[int]:
        """Return the seats of nodes, -1 of those that are not in the job, or have failed."""
        place, seat_of = self.place, self.seating.seat_of
        return [seat_of.get(node, node) if place[node] == "job" else -1 for node in nodes]

    def sitter(self, seat: int) -> int:
        """Return the node of a seat that is taken."""
        return self.seating.sitter(seat)

    def lacks(self) -> bool:
        """Say whether nodes must be replaced before it is known who the job steps with."""
        return self.missing() > 0 or (self.blocks is None and bool(self.failed))

    def blocks_out(self) -> int:
        """Return how many blocks of replicas are out of the job, -1 where it has none."""
        return -1 if self.blocks is None else len(self.blocks.out)

    def sized(self, condition: int) -> None:
        """Note that an elastic job steps with the nodes that it has, under a condition."""
        if self.blocks is not None:
            self.record.sizes[condition] = self.in_job

    def missing(self) -> int:
        """Return how many nodes the job lacks; an elastic one with enough whole replicas lacks none."""
        return 0 if self.blocks is not None and self.blocks.enough() else self.size - self.in_job

    def can_grow(self) -> bool:
        """Say whether spares make a block whole that is out of the job."""
        return self.blocks is not None and self.blocks.can_grow(len(self.shelf.rank))

    def fit(self) -> int:
        """Return how many nodes are fit for work: in the job and not failed, or spare."""
        return self.in_job - len(self.failed) + len(self.shelf.rank)

    def returns(self, node: int, cause: str, waiting: bool, outcome: Outcome) -> None:
        """A repaired node comes back: into the job if that waits for nodes and misses any, else to the spares."""
        new, relapse_us = outcome
        event = self.record.event(self.env.now, "delivered" if new else "repaired", cause, node)
        if node in self.cut:
            self.set_aside(node, *self.cut[node])
        else:
            self._available(node, cause, waiting, event)
        broken = self.broken.pop(node, ())
        if new:
            self.clock.renewed_all(node)
            return
        for life in broken:
            # What a shock has hit has a life of its own that goes on.
            if life.ordinal != STRUCK:
                self.clock.renew(life, relapse_us)
                relapse_us = None

    def dismiss(self, node: int) -> None:
        """A failed node leaves the job."""
        cause, event = self.failed.pop(node)
        self._stand_up(node, cause, event)
        if node in self.broken or node in self.accused:
            self.accused.discard(node)
            self.away.pop(node, None)
            self._to_repair(node, cause, event)
        elif node in self.cut:
            self.away.pop(node, None)
            self.set_aside(node, cause, event)
        elif node in self.away:
            self._to_maintenance(node)
        else:
            self._available(node, cause, False, event)

    def _fill(self) -> None:
        """Spares join the job where they can, and spare domains where their own have none left."""
        if self.blocks is not None:
            regroup(self, self.blocks)
            return
        for group in sorted(self.seating.empty):
            self._fill_group(group)
        if self.seating.spare_domains:
            for group in sorted(self.seating.empty):
                self._exchange_domain(group)

    def _fill_group(self, group: int) -> None:
        domain, empty = self.seating.home[group], self.seating.empty
        while group in empty and (taken := self.shelf.take(domain)) is not None:
            self.join(*taken, group)

    def _exchange_domain(self, group: int) -> None:
        """All nodes of a domain that lacks some leave the job for those of a spare domain, if one has enough."""
        whole = (d for d in self.seating.spare_domains if self.shelf.count(d) >= self.seating.each)
        domain = next(whole, None)
        if domain is None:
            return
        members = self.seating.members_of(group)
        healthy = [node for node in members if self.place[node] == "job"]
        for node in members:
            if self.place[node] == "failed":
                self.dismiss(node)
            else:
                self.away.pop(node, None)
                if self.local:
                    self.losses.append((self.env.now, self.seating.seat(node)))
                self._stand_up(node)
        self.seating.rehouse(group, domain)
        self._fill_group(group)
        for node in healthy:
            self._available(node, "", False, self.record.event(self.env.now, "displaced", "", node))

    def _available(self, node: int, cause: str, waiting: bool, event: int) -> None:
        if waiting and self.blocks is None and (group := self.seating.group_of(node)) in self.seating.empty:
            self.join(node, COLD, group)
            return
        self.place[node] = "spare"
        self.record.move(self.env.now, node, "spare", cause, event)
        if self.shelf.put(node):
            self.clock.join(node)
        if waiting:
            self._fill()
        elif self.blocks is not None and self.blocks.at_once and self.can_grow():
            self.grows()

    def _vacate(self, node: int, cause: str, event: int) -> None:
        """An idle node of a block that is out leaves its seat."""
        if self.blocks is not None:
            self.blocks.stand_up(self.seating.seat(node), cause, event)
            self.seating.stand_up(node)

    def _off_shelf(self, node: int) -> None:
        if self.shelf.drop(node) != COLD:
            self.clock.leave(node)

    def set_aside(self, node: int, cause: str, event: int) -> None:
        """A node that is well cannot be used for a while."""
        self.place[node] = "idle"
        self.record.move(self.env.now, node, "idle", cause, event)

    def _fails(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "failed"
        self.failed[node] = (cause, event)
        if self.local:
            self.losses.append((self.env.now, self.seating.seat(node)))

    def _to_maintenance(self, node: int) -> None:
        duration_us, cause, event = self.away[node]
        self.place[node] = "maintenance"
        self.record.move(self.env.now, node, "maintenance", cause, event)
        on_event(timeout(self.env, duration_us), lambda _: self._maintained(node, cause))

    def _maintained(self, node: int, cause: str) -> None:
        """Maintenance ends: what broke or was cut off meanwhile is seen to now."""
        del self.away[node]
        event = self.record.event(self.env.now, "maintained", cause, node)
        if node in self.broken:
            self._to_repair(node, cause, event)
        elif node in self.cut:
            self.set_aside(node, *self.cut[node])
        else:
            waiting = self.job_waits()
            self._available(node, cause, waiting, event)
            if waiting:
                self.ring()

    def _stand_up(self, node: int, cause: str = "", event: int = -1) -> None:
        self.in_job -= 1
        self.clock.leave(node)
        if self.blocks is not None:
            self.blocks.stand_up(self.seating.seat(node), cause, event)
        self.seating.stand_up(node)

    def join(self, node: int, rank: int, group: int, seat: int | None = None) -> None:
        """A node joins the job; one that was powered ages already."""
        now, record = self.env.now, self.record
        self.place[node] = "job"
        self.in_job += 1
        self.drawn.add(rank)
        self.seating.sit_down(node, group, seat)
        record.move(now, node, "job", "", record.event(now, "replaced", "", node))
        if rank == COLD:
            self.clock.join(node)

    def _to_repair(self, node: int, cause: str, event: int) -> None:
        self.place[node] = "repair"
        self.record.move(self.env.now, node, "repair", cause, event)
        if self.send(node, cause, node in self.broken):
            event = self.record.event(self.env.now, "retired", cause, node)
            if self.retired is not None:
                self.place[node] = RETIRED
                self.record.move(self.env.now, node, RETIRED, cause, event)
                self.retired(node, cause)
