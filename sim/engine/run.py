"""A run: weeks of training as a discrete-event simulation, in integer microseconds.

simulate_run wires what each file describes: the failure clock ends lives, failures hit nodes and the job, the job
recovers, the repair shop returns nodes, and everything is recorded. Plain runs are made by one object instead.
"""

from dataclasses import replace

import simpy

from sim.engine.clock import IntegerEnvironment, late, on_event, timeout
from sim.engine.collector import rare_collections
from sim.engine.effects.faults import Faults
from sim.engine.effects.outages import Outages
from sim.engine.effects.pace import Pace
from sim.engine.effects.shared import Shared
from sim.engine.effects.slow import SlowNodes
from sim.engine.effects.store import Store
from sim.engine.forgetting import forget
from sim.engine.jobs.explicit import Explicit
from sim.engine.jobs.job import Job
from sim.engine.jobs.record import Record
from sim.engine.jobs.stepping import Folded, Stepper
from sim.engine.jobs.stops import UP, Failure
from sim.engine.limits import gives_up, limit_us, reach_us
from sim.engine.lives.ageing import Ageing
from sim.engine.lives.eager import EagerClock
from sim.engine.lives.failures import DormantClock, FailureClock
from sim.engine.places.nodes import Nodes
from sim.engine.places.orders import Orders
from sim.engine.places.repair import WELL, Outcome, RepairShop
from sim.engine.plain.rule import is_plain
from sim.engine.plain.run import PlainRun
from sim.errors import InputError, unknown_name
from sim.ledger.time.trace import RETIRED, RunTrace
from sim.reliability.failures.domains import HeldJudge
from sim.reliability.failures.exposure import JOB, Life, Lives
from sim.reliability.failures.outages import Judge
from sim.reliability.failures.slow import GivenPacer, Pacer, has_slow
from sim.reliability.plan import check_plan
from sim.reliability.records import STORE, FailureClass, RunPlan
from sim.reliability.recovery.draws import RecoveryTimes, RepairDraws
from sim.reliability.recovery.elastic import longer_us
from sim.reliability.recovery.spare_places import cold_spares
from sim.reliability.replay.check import ends_early
from sim.reliability.replay.lives import LoggedLives
from sim.reliability.saving.downtime import Downtime
from sim.reliability.saving.interval import adaptive_s
from sim.reliability.saving.legs import repaced
from sim.reliability.saving.progress import Course, course, make

MODES = ("eager", "dormant")


def simulate_run(
    plan: RunPlan,
    mode: str = "dormant",
    *,
    explicit: bool = False,
    judge: Judge | None = None,
    pacer: Pacer | None = None,
) -> RunTrace:
    """Simulate a run and return its trace.

    mode: "dormant" (one event for all nodes) or, as a reference, "eager" (a process for every node); both
    give the same trace. explicit: an event for every step and checkpoint instead of arithmetic; the same trace, slowly.
    judge: says what outages of the network mean; needed where a cause has an outage. pacer: says how long steps take
    with slow GPUs; needed where a cause slows, or the day does. Of an elastic job it says how long they take with
    blocks of replicas out; by default blocks / (blocks that are left) times as long.

    The run starts with an initialised job, after select_host. A failure stops the job at once; work since the newest
    durable checkpoint is lost. A restore takes its time even if there is no checkpoint yet: an initial state is read
    like one. A failed node stays in the job until the failure is detected. A failure with `replace` renews its
    component when the node returns from repair, one without at once; failures of a node that has already failed
    only add to what the repair renews. A failure of a domain hits all nodes that it holds, wherever they are, a shock
    each component with its probability. Failures of a class with a log happen at its times, whatever else does; where
    it says how long a node is away, that takes the place of the repair shop. Nodes that an outage cuts off are replaced
    as failed ones are, and come back when it ends. A job all of whose ranks have a path goes on; its next step takes as
    long as the damaged network lets it.

    Raises InputError for a plan that cannot be run, or has outages that nothing judges; SimulationError if a run
    without a horizon makes no way.
    """
    check_plan(plan)
    if mode not in MODES:
        raise unknown_name("mode of a run", mode, MODES)
    with rare_collections():
        if mode == "dormant" and not explicit and is_plain(plan) and not (has_slow(plan) and pacer is None):
            return PlainRun(plan, pacer).trace()
        return RunSimulation(plan, mode, explicit=explicit, judge=judge, pacer=pacer).trace()


class RunSimulation:
    """The parts of one run, wired; simulate_run is the way to use it."""

    def __init__(
        self, plan: RunPlan, mode: str, *, explicit: bool, judge: Judge | None = None, pacer: Pacer | None = None
    ) -> None:
        nodes = plan.nodes + plan.spare_nodes
        self.plan = plan
        self.env = IntegerEnvironment()
        self.checkpoint = plan.checkpoint
        self.course = course(plan.phases, plan.checkpoint, plan.work_us)
        self.courses = {0: self.course}
        self.limit_us = limit_us(plan)
        self.downtime = self._downtime()
        self.record = Record(plan, self.course)
        self.logged = self._logged(nodes)
        self.clock = self._clock(mode, nodes)
        draws = RepairDraws(plan.seed, nodes)
        self.repair = RepairShop(self.env, plan.repair, draws, self._returned)
        self.nodes = Nodes(self.env, self.record, self.clock, self._send if self.logged else self.repair.send)
        stepper: Stepper = (
            Explicit(self.env, self.course, self._course_of, self.downtime)
            if explicit
            else Folded(self.course, self.limit_us, self._course_of, self.downtime)
        )
        self.job = Job(self.env, self.record, self.clock, self.nodes, RecoveryTimes(plan), stepper, self.downtime)
        if plan.checkpoint.adaptive:
            self.job.pace = self._pace
        self.faults = Faults(self.env, self.record, self.clock, self.nodes, self.job)
        self.nodes.job_waits, self.nodes.ring = lambda: self.job.state == "waiting", self.job.ring
        if plan.repair.reorder is not None:
            self.nodes.retired = Orders(self.env, self.record, plan.repair.reorder, draws, self._returned).retired
        self.nodes.grows, self.nodes.regrouped = self.job.regrow, self.job.regrouped
        self.pace = Pace(self.nodes, self.job, self._judging(judge), pacer or self._pacing())
        self.outages = self._outages()
        self.store = self._store()
        self.slow = self._slow()
        if self.outages or self.slow or self.nodes.blocks is not None:
            self.job.recovery.severed = self._severed
        # Causes that do more, or other, than stop the job and break a node.
        self.special = frozenset(
            cause
            for cause, failure in enumerate(plan.failures)
            if failure.silent or failure.planned or failure.outage or failure.slowing
        )
        together = any(failure.holds or failure.correlated for failure in plan.failures)
        self.shared = Shared(self.env, self.record, self.clock, self.nodes, self.job) if together else None

    def begin(self) -> None:
        """Begin everything that a run begins with."""
        self.clock.begin()
        if self.slow:
            self.slow.begin()
        if self.plan.horizon_us is None:
            gives_up(self.env, self.plan)
        if self.plan.replay is not None and self.plan.replay.then == "refuse":
            on_event(late(self.env, self.plan.replay.end_us), self._log_ended)
        self.job.launch()

    def trace(self) -> RunTrace:
        """Run to the end of the job."""
        self.begin()
        complete = self.env.run_to(self.job.done)
        trace = self.record.trace(self.env.now, bool(complete), tuple(self.pace.judged))
        self._forget()
        return trace

    def _forget(self) -> None:
        """Drop what is much, and take the parts apart: see `forget`."""
        self.env.forget()
        self.clock.forget()
        forget([*vars(self).values()], lent=[self.pace.judge, self.pace.pacer])

    def _logged(self, nodes: int) -> LoggedLives | None:
        """Return the lives of a run some of whose failures are logged."""
        plan = self.plan
        if plan.replay is None:
            return None
        return LoggedLives(plan.failures, plan.replay, lambda drawn: Lives(plan.seed, drawn, nodes, plan.ages), nodes)

    def _clock(self, mode: str, nodes: int) -> FailureClock:
        plan = self.plan
        lives = self.logged or Lives(plan.seed, plan.failures, nodes, plan.ages)
        ageing = Ageing(self.env, calendar=plan.failure_clock == "calendar", resting=cold_spares(plan))
        if mode == "eager":
            return EagerClock(self.env, lives, ageing, self._ended, self.limit_us)
        return DormantClock(self.env, lives, ageing, self._ended, reach_us(plan), self.limit_us)

    def _ended(self, lives: list[Life]) -> None:
        """Lives end: the nodes and the job are hit."""
        job, nodes, now = self.job, self.nodes, self.env.now
        for life in lives:
            _, cause, _, _, node = life
            if self.shared is not None and self.shared.takes(life):
                continue
            if node != JOB and nodes.place[node] == RETIRED and self.plan.failures[cause].outage is None:
                # Nothing stands there that could fail; what comes begins the next lives.
                continue
            failure = self.plan.failures[cause]
            if cause in self.special:
                self._strikes(life, failure)
                continue
            hits = node == JOB or nodes.place[node] == "job"
            event = self.record.failure(now, life, hits and job.state in UP and not job.inbox)
            if failure.replace:
                nodes.breaks(life, failure.cause, event)
            else:
                self.clock.renew(life)
            if hits:
                nodes_hit = (node,) if failure.replace else ()
                job.inbox.append(make(Failure, (event, failure.cause, nodes_hit, None, 0, False, False, False)))
        job.broken()

    def _strikes(self, life: Life, failure: FailureClass) -> None:
        """A life ends of a cause that does not just stop the job."""
        if failure.silent is not None:
            self.faults.strikes(life, failure.silent)
        elif failure.planned is not None:
            self.faults.plans(life)
        elif failure.component == STORE:
            assert self.store is not None, "a store that fails has who keeps it"
            self.store.breaks(life)
        elif failure.outage is not None:
            assert self.outages is not None, "causes with an outage have who keeps it"
            self.outages.breaks(life)
        else:
            assert self.slow is not None, "causes that slow have who keeps what is slow"
            self.slow.strikes(life)

    def _judging(self, judge: Judge | None) -> Judge | None:
        """Return who judges outages, those of domains besides those of the network."""
        failures = self.plan.failures
        causes = [failure.cause for failure in failures if failure.of_network]
        if causes and judge is None:
            raise InputError(
                f"failures: {causes[0]}: got an outage of the network and no graph that says what it stops"
            )
        held = any(failure.outage is not None and failure.holds for failure in failures)
        return HeldJudge(failures, judge) if held else judge

    def _pacing(self) -> Pacer | None:
        """Return what times the steps of an elastic job for which nothing else does."""
        blocks, whole_us = self.nodes.blocks, [phase.step_time_us for phase in self.plan.phases]
        return None if blocks is None else GivenPacer(lambda lost: longer_us(whole_us, len(blocks.seats), lost))

    def _outages(self) -> Outages | None:
        if all(failure.outage is None or failure.component == STORE for failure in self.plan.failures):
            return None
        judge = self.pace.judge
        assert judge is not None, "outages are judged"
        outages = Outages(self.env, self.record, self.clock, self.nodes, self.job, judge, self.pace)
        if self.logged is not None:
            outages.logged_us = self.logged.away_us
        return outages

    def _downtime(self) -> Downtime | None:
        """Return when the store is out, None where it never is."""
        if all(failure.component != STORE for failure in self.plan.failures):
            return None
        return Downtime(synchronous=self.checkpoint.synchronous)

    def _store(self) -> Store | None:
        if self.downtime is None:
            return None
        store = Store(self.env, self.record, self.clock, self.job, self.downtime)
        if self.logged is not None:
            store.logged_us = self.logged.away_us
        return store

    def _slow(self) -> SlowNodes | None:
        """Return who keeps what is slow, None where nothing can be."""
        if not has_slow(self.plan):
            return None
        if self.pace.pacer is None:
            raise InputError("failures: got causes that slow, or a swing of the day, and nothing that times slow steps")
        if self.pace.judge is None and any(f.slowing and f.slowing.bandwidth < 1 for f in self.plan.failures):
            raise InputError("failures: got a degraded NIC or link, and no graph that says what it costs")
        return SlowNodes(self.env, self.record, self.clock, self.nodes, self.job, self.pace)

    def _severed(self) -> bool:
        """Settle the pace of the nodes that are in the job by now; say whether they have no path between them."""
        if self.slow:
            self.slow.look()
        else:
            self.pace.settle()
        return self.pace.severed

    def _course_of(self, condition: int) -> Course:
        """Return the course of the run's steps under a condition."""
        if condition not in self.courses:
            step_us = self.pace.step_us(condition)
            self.courses[condition] = repaced(self.plan.phases, self.checkpoint, self.course, step_us)
        return self.courses[condition]

    def _pace(self, up_us: int, failures: int) -> None:
        """Space checkpoints by the failures that the job has met."""
        first = self.plan.checkpoint
        block_s = self.course.blocks_us[-1] * 1e-6 / (len(self.course.blocks_us) - 1)
        interval_s = adaptive_s(first_s=first.interval_us * 1e-6, block_s=block_s, up_s=up_us * 1e-6, failures=failures)
        self.checkpoint = replace(first, interval_us=max(1, round(interval_s * 1e6)))
        self.courses = {0: course(self.plan.phases, self.checkpoint, self.plan.work_us)}
        self.job.stepper.pace(self.courses[0])

    def _log_ended(self, _: simpy.Event) -> None:
        assert self.plan.replay is not None, "without a log none ends"
        raise ends_early(self.plan.replay.end_us, "goes on")

    def _send(self, node: int, cause: str, broken: bool) -> bool:
        """A node goes to the repair shop, unless a log says how long it is away; say whether it is retired."""
        lives = self.nodes.broken.get(node)
        away_us = self.logged.away_us(lives[0]) if self.logged and lives else None
        if away_us is None:
            return self.repair.send(node, cause, broken)
        on_event(timeout(self.env, away_us), lambda _: self._returned(node, cause, WELL))
        return False

    def _returned(self, node: int, cause: str, outcome: Outcome) -> None:
        """A node comes back from repair."""
        waiting = self.job.state == "waiting"
        if self.slow:
            self.slow.repaired(node, exchanged=outcome.new)
        self.nodes.returns(node, cause, waiting, outcome)
        if waiting:
            self.job.ring()
