"""The failure clock as a process for every node: slow, and the reference for the one that has a single event."""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from sim.engine.clock import IntegerEnvironment, last, late, on_event
from sim.engine.lives.ageing import Ageing
from sim.engine.lives.failures import EndOfLives, Lives, by_component, cut_short, new_lives
from sim.reliability.failures.exposure import JOB, Life


@dataclass(slots=True)
class _Node:
    """What the process of a node knows: the lives that are pending, by age, and what wakes it."""

    node: int
    bell: simpy.Event
    lives: list[Life] = field(default_factory=list)
    epoch: int = 0


class EagerClock:
    """A process for every node (and one for the job), each with its node's lives; the reference for DormantClock."""

    __slots__ = ("ageing", "broken", "dozing", "ended", "env", "limit_us", "lives", "nodes", "ordinals")

    def __init__(self, env: IntegerEnvironment, lives: Lives, ageing: Ageing, ended: EndOfLives, limit_us: int) -> None:
        self.env = env
        self.lives = lives
        self.ageing = ageing
        self.ended = ended
        self.limit_us = limit_us
        # Nodes whose event came while the clock stood still.
        self.dozing: list[_Node] = []
        # Lives that have ended at this instant, until all nodes have told.
        self.broken: list[Life] = []
        self.ordinals: dict[tuple[int, int], int] = {}
        self.nodes = {node: _Node(node=node, bell=simpy.Event(env)) for node in range(JOB, lives.nodes)}

    def begin(self) -> None:
        for life in self.lives.first(0, self.limit_us):
            self.nodes[life.node].lives.append(life)
        for node in self.nodes.values():
            heapify(node.lives)
            simpy.Process(self.env, self._live(node))

    def renew(self, life: Life, within_us: int | None = None) -> None:
        self.ordinals[life.cause, life.component] = life.ordinal + 1
        node = self.nodes[life.node]
        age_us = self.ageing.age_us(life.node)
        renewed = self.lives.renewed(life, age_us)
        heappush(node.lives, renewed if within_us is None else cut_short(renewed, age_us, within_us))
        self._arm(node)

    def renewed_all(self, node: int) -> None:
        begun, held = new_lives(self.lives, node, self.ordinals, self.ageing), self.nodes[node]
        gone = {life.cause for life in begun}
        held.lives = [*(life for life in held.lives if life.cause not in gone), *begun]
        heapify(held.lives)
        self._arm(held)

    def start(self) -> None:
        self.ageing.start()
        dozing, self.dozing = self.dozing, []
        for node in dozing:
            self._arm(node)

    def stop(self) -> None:
        self.ageing.stop()

    def leave(self, node: int) -> None:
        self.ageing.leave(node)

    def join(self, node: int) -> None:
        self.ageing.join(node)
        self._arm(self.nodes[node])

    def forget(self) -> None:
        self.nodes.clear()

    def _live(self, node: _Node) -> Generator[simpy.Event, Any, None]:
        """The process of a node: wait for the end of a life and tell, for ever."""
        while True:
            self._arm(node)
            yield node.bell
            node.bell = simpy.Event(self.env)
            age_us = self.ageing.age_us(node.node)
            while node.lives and node.lives[0].end_us <= age_us:
                self._tell(heappop(node.lives))

    def _arm(self, node: _Node) -> None:
        """Wake a node at the end of its earliest life, unless the clock stands still before."""
        node.epoch += 1
        if node.lives:
            delay_us = node.lives[0].end_us - self.ageing.age_us(node.node)
            on_event(late(self.env, delay_us, node.epoch), partial(self._ring, node))

    def _ring(self, node: _Node, event: simpy.Event) -> None:
        """The clock may have stood still since the event was made: then the node sleeps on."""
        if event.value != node.epoch or self.ageing.rests(node.node):
            return
        if not self.ageing.running:
            self.dozing.append(node)
        elif self.ageing.age_us(node.node) < node.lives[0].end_us:
            self._arm(node)
        else:
            node.bell.succeed()

    def _tell(self, life: Life) -> None:
        if not self.broken:
            on_event(last(self.env), self._settle)
        self.broken.append(life)

    def _settle(self, _: simpy.Event) -> None:
        ended, self.broken = self.broken, []
        self.ended(sorted(ended, key=by_component))
