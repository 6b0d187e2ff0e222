"""The fastest layouts of a job, by estimate: those whose lower bound is smallest are estimated first.

Once a layout's bound exceeds the estimate of the k-th best, no layout after it can be among the k best, and the search
is over: exact, though most layouts are never built.
"""

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from heapq import heapify, heappop, heappush
from time import monotonic

from sim.analysis.plan.layouts.bounds import Bounds
from sim.analysis.plan.layouts.records import (
    Candidate,
    Job,
    Progress,
    Ranked,
    Ranking,
    Space,
    phase_of,
)
from sim.analysis.plan.layouts.space import candidates
from sim.errors import DoesNotFitError, LayoutError
from sim.steps import build_phase, simulate_phase
from sim.workload.estimate import estimate_step_ns

Entry = tuple[float, int, Candidate]
"""Least seconds a sequence, an ordinal that breaks ties, and the layout."""

SMALLER = {"zero1": "zero2"}
"""What is tried where a layout does not fit: it takes no less time, and less memory."""


def search_layouts(
    job: Job,
    space: Space | None = None,
    *,
    best: int = 10,
    limit_s: float = 60.0,
    most: int | None = None,
    progress: Progress = lambda fraction, what: None,
    clock: Callable[[], float] = monotonic,
) -> Ranking:
    """Return the best layouts of a job, as many as are asked for.

    An interrupt (Ctrl-C) or the limit ends the search with what it has found, and the answer says that it is partial.
    most: layouts that are estimated at most, a limit that does not depend on the machine. At least one is.
    """
    return _Search(job, space or Space(), best, limit_s, most, progress, clock).run()


class _Search:
    """Layouts by their bounds, and the best so far."""

    def __init__(
        self,
        job: Job,
        space: Space,
        best: int,
        limit_s: float,
        most: int | None,
        progress: Progress,
        clock: Callable[[], float],
    ) -> None:
        self.job, self.space, self.wanted, self.progress = job, space, best, progress
        self.clock, self.start_s, self.limit_s, self.most = clock, clock(), limit_s, most
        self.bounds = Bounds(job)
        self.capacity = job.scenario.machines.accelerator.hbm_bytes
        self.counts: Counter[str] = Counter()
        self.considered = 0
        self.found: list[tuple[float, int, Ranked]] = []
        self.queue: list[Entry] = []
        self.refused: Entry | None = None

    def run(self) -> Ranking:
        complete = True
        try:
            self._bound()
            complete = self._estimate()
        except KeyboardInterrupt:
            complete = False
        self.counts["not among the best" if complete else "not looked at"] += len(self.queue)
        return Ranking(
            best=tuple(ranked for _, _, ranked in self.found[: self.wanted]),
            considered=self.considered,
            counts=dict(self.counts),
            complete=complete,
            seconds=self.clock() - self.start_s,
            best_left_s=self.queue[0][0] if self.queue else None,
            refused_by_memory=self._refused_ranked(),
        )

    def _bound(self) -> None:
        """Put every layout that memory does not rule out into the queue, by its bound."""
        for number, candidate in enumerate(self._counted()):
            shares = self.bounds.shares(candidate)
            if shares is None:
                self.counts["layers"] += 1
                continue
            fits = self.bounds.memory_bytes(candidate, shares) <= self.capacity
            if not fits and (candidate.recompute, candidate.sharding) != ("none", "zero1"):
                self.counts["memory"] += 1
                continue
            entry = (self.bounds.step_s(candidate, shares) / candidate.global_batch, number, candidate)
            if fits:
                self.queue.append(entry)
            else:
                self._refuse(entry)
        heapify(self.queue)

    def _counted(self) -> Iterator[Candidate]:
        for candidate in candidates(self.job, self.space, self.counts):
            self.considered += 1
            if self.considered % 2048 == 0:
                self.progress(0.0, f"{self.considered:,} layouts looked at")
            yield candidate
        self.considered += sum(self.counts[name] for name in ("batch", "too many operations"))

    def _refuse(self, entry: Entry) -> None:
        self.counts["memory"] += 1
        self.refused = entry if self.refused is None else min(self.refused, entry)

    def _estimate(self) -> bool:
        """Estimate layouts until none that is left can be among the best; say whether that point was reached."""
        while self.queue and (len(self.found) < self.wanted or self.queue[0][0] < self.found[self.wanted - 1][0]):
            if self.found and self._is_over():
                return False
            bound, number, candidate = heappop(self.queue)
            self._try(bound, number, candidate)
            done = self.counts["estimated"]
            self.progress(self._fraction(), f"{done} of {self.considered:,} layouts estimated{self._so_far()}")
        return True

    def _is_over(self) -> bool:
        counted_out = self.most is not None and self.counts["estimated"] >= self.most
        return counted_out or self.clock() - self.start_s > self.limit_s

    def _fraction(self) -> float:
        """Return the part of the way that bounds have come to the k-th best."""
        if len(self.found) < self.wanted or not self.queue:
            return 0.0
        first, last = self.found[0][2].bound_s / self.found[0][2].candidate.global_batch, self.found[self.wanted - 1][0]
        return min(1.0, max(0.0, (self.queue[0][0] - first) / (last - first))) if last > first else 0.0

    def _so_far(self) -> str:
        return f", best step {self.found[0][2].step_s:.3g} s" if self.found else ""

    def _try(self, bound: float, number: int, candidate: Candidate) -> None:
        try:
            estimate_s = step_estimate_s(self.job, candidate)
        except DoesNotFitError:
            self.counts["memory"] += 1
            self._try_smaller(bound, number, candidate)
            return
        except LayoutError:
            self.counts["layers"] += 1
            return
        self.counts["estimated"] += 1
        least_s = bound * candidate.global_batch
        ranked = Ranked(candidate=candidate, bound_s=least_s, estimate_s=estimate_s)
        insort(self.found, (ranked.per_sequence_s, number, ranked), key=lambda each: each[:2])

    def _try_smaller(self, bound: float, number: int, candidate: Candidate) -> None:
        if candidate.sharding in SMALLER and candidate.pipeline > 1 and candidate.chunks > 1:
            self.considered += 1
            heappush(self.queue, (bound, number, candidate._replace(sharding=SMALLER[candidate.sharding])))

    def _refused_ranked(self) -> Ranked | None:
        if self.refused is None:
            return None
        bound, _, candidate = self.refused
        least_s = bound * candidate.global_batch
        return Ranked(candidate=candidate, bound_s=least_s, estimate_s=least_s)


def step_estimate_s(job: Job, candidate: Candidate) -> float:
    """Return the estimated time of a step in a layout.

    Raises LayoutError for a layout that cannot divide the model, DoesNotFitError.
    """
    phase = phase_of(candidate, job.phase)
    built, _ = build_phase(job.scenario, job.machine, phase)
    # Of what is reduced oftener than once a step the estimate knows only the last time; a simulation knows all.
    plan = replace(built.plan, reduces="last") if built.plan.reduces == "turns" else built.plan
    return estimate_step_ns(plan).step_ns * 1e-9


def verified(job: Job, ranked: Ranked) -> Ranked:
    """Return a layout with its simulated step: its time, MFU, where it went, and its memory."""
    profile = simulate_phase(job.scenario, job.machine, phase_of(ranked.candidate, job.phase)).profile
    return replace(
        ranked,
        simulated_s=profile.step_time_s,
        mfu=profile.mfu,
        waterfall={state: profile.fraction(state) for state in profile.state_ns},
        peak_bytes=max(stage.total for stage in profile.memory),
    )
