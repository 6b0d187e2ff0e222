"""A run: weeks of training as a discrete-event simulation, in integer microseconds.

simulate_run wires what each file describes: the failure clock ends lives, failures hit nodes and the job, the job
recovers, the repair shop returns nodes, and everything is recorded.
"""

import simpy

from sim.engine.clock import IntegerEnvironment, on_event, timeout
from sim.engine.collector import rare_collections
from sim.engine.failures import Ageing, DormantClock, EagerClock, FailureClock
from sim.engine.job import Failure, Job
from sim.engine.nodes import Nodes
from sim.engine.outages import Outages
from sim.engine.pace import Pace
from sim.engine.record import Record
from sim.engine.repair import RepairShop
from sim.engine.slow import SlowNodes
from sim.engine.stepping import Explicit, Folded, Stepper
from sim.errors import InputError, SimulationError, unknown_name
from sim.ledger.trace import RunTrace
from sim.reliability.draws import RecoveryTimes, RepairDraws
from sim.reliability.exposure import JOB, Life, Lives
from sim.reliability.laws import MAX_US
from sim.reliability.legs import repaced
from sim.reliability.outages import Judge
from sim.reliability.plan import check_plan, planned_us
from sim.reliability.progress import Course, course
from sim.reliability.records import RunPlan
from sim.reliability.slow import Pacer, has_slow

MODES = ("eager", "dormant")

# A run without a horizon that takes so many times its planned time never ends.
_HOPELESS = 50


def simulate_run(
    plan: RunPlan,
    mode: str = "dormant",
    *,
    explicit: bool = False,
    judge: Judge | None = None,
    pacer: Pacer | None = None,
) -> RunTrace:
    """Simulate a run and return its trace.

    mode: "dormant" (a process only for nodes in repair) or, as a reference, "eager" (a process for every node); both
    give the same trace. explicit: an event for every step and checkpoint instead of arithmetic; the same trace, slowly.
    judge: says what outages of the network mean; needed where a cause has an outage. pacer: says how long steps take
    with slow GPUs; needed where a cause slows, or the day does.

    The run starts with an initialised job, after select_host. A failure stops the job at once; work since the newest
    durable checkpoint is lost. A restore takes its time even if there is no checkpoint yet: an initial state is read
    like one. A failed node stays in the job until the failure is detected. A failure with `replace` renews its
    component when the node returns from repair, one without at once; failures of a node that has already failed
    only add to what the repair renews. Nodes that an outage cuts off are replaced as failed ones are, and come back
    when it ends. A job all of whose ranks have a path goes on; its next step takes as long as the damaged network lets
    it.

    Raises InputError for a plan that cannot be run, or has outages that nothing judges; SimulationError if a run
    without a horizon makes no way.
    """
    check_plan(plan)
    if mode not in MODES:
        raise unknown_name("mode of a run", mode, MODES)
    with rare_collections():
        return RunSimulation(plan, mode, explicit=explicit, judge=judge, pacer=pacer).trace()


class RunSimulation:
    """The parts of one run, wired; simulate_run is the way to use it."""

    def __init__(
        self, plan: RunPlan, mode: str, *, explicit: bool, judge: Judge | None = None, pacer: Pacer | None = None
    ) -> None:
        nodes = plan.nodes + plan.spare_nodes
        self.plan = plan
        self.env = IntegerEnvironment()
        self.course = course(plan.phases, plan.checkpoint, plan.work_us)
        self.courses = {0: self.course}
        # Nothing that would happen later matters.
        self.limit_us = plan.horizon_us or min(_HOPELESS * planned_us(plan), MAX_US)
        self.record = Record(plan, self.course)
        self.clock = self._clock(mode, nodes)
        self.repair = RepairShop(self.env, plan.repair, RepairDraws(plan.seed, nodes), self._returned)
        self.nodes = Nodes(self.env, self.record, self.clock, self.repair.send)
        stepper: Stepper = (
            Explicit(self.env, self.course, self._course_of)
            if explicit
            else Folded(self.course, self.limit_us, self._course_of)
        )
        self.job = Job(self.env, self.record, self.clock, self.nodes, RecoveryTimes(plan), stepper)
        self.pace = Pace(self.nodes, self.job, judge, pacer)
        self.outages = self._outages(judge)
        self.slow = self._slow()
        if self.outages or self.slow:
            self.job.severed = self._severed

    def trace(self) -> RunTrace:
        """Run to the end of the job."""
        self.clock.begin()
        if self.slow:
            self.slow.begin()
        if self.plan.horizon_us is None:
            on_event(timeout(self.env, self.limit_us), self._give_up)
        complete = self.env.run(until=simpy.Process(self.env, self.job.live()))
        return self.record.trace(self.env.now, bool(complete), tuple(self.pace.judged))

    def _clock(self, mode: str, nodes: int) -> FailureClock:
        plan = self.plan
        lives = Lives(plan.seed, plan.failures, nodes)
        ageing = Ageing(self.env, calendar=plan.failure_clock == "calendar", resting=range(plan.nodes, nodes))
        if mode == "eager":
            return EagerClock(self.env, lives, ageing, self._ended, self.limit_us)
        return DormantClock(self.env, lives, ageing, self._ended, 2 * planned_us(plan), self.limit_us)

    def _ended(self, lives: list[Life]) -> None:
        """Lives end: the nodes and the job are hit."""
        for life in lives:
            failure = self.plan.failures[life.cause]
            if failure.outage is not None and self.outages is not None:
                self.outages.breaks(life)
                continue
            if failure.slowing is not None and self.slow is not None:
                self.slow.strikes(life)
                continue
            hits = life.node == JOB or self.nodes.place[life.node] == "job"
            event = self.record.failure(self.env.now, life, hits and self.job.stops_now())
            if failure.replace:
                self.nodes.breaks(life, failure.cause, event)
            else:
                self.clock.renew(life)
            if hits:
                self.job.inbox.append(Failure(event, failure.cause, (life.node,) if failure.replace else ()))
        self.job.notice()

    def _outages(self, judge: Judge | None) -> Outages | None:
        causes = [failure.cause for failure in self.plan.failures if failure.outage is not None]
        if not causes:
            return None
        if judge is None:
            raise InputError(
                f"failures: {causes[0]}: got an outage of the network and no graph that says what it stops"
            )
        return Outages(self.env, self.record, self.clock, self.nodes, self.job, judge, self.pace)

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
            self.courses[condition] = repaced(self.plan.phases, self.plan.checkpoint, self.course, step_us)
        return self.courses[condition]

    def _give_up(self, _: simpy.Event) -> None:
        raise SimulationError(
            f"run: not complete after {_HOPELESS} times its planned {planned_us(self.plan) / 3.6e9:.1f} h; failures "
            "undo its work faster than checkpoints save it. Expected a horizon, or a plan that makes way"
        )

    def _returned(self, node: int, cause: str) -> None:
        """A node comes back from repair."""
        waiting = self.job.state == "waiting"
        if self.slow:
            self.slow.repaired(node)
        self.nodes.returns(node, cause, waiting)
        if waiting:
            self.job.ring()
