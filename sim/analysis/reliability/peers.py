"""Scenarios whose answer another simulator has published, with all that they were given (AIReSim's S1, S3)."""

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from typing import Any

from sim.analysis.reliability.rows import Entry, Predicted, Skipped, z_score
from sim.analysis.reliability.runs import HOUR_S, Sample
from sim.engine.run import simulate_run
from sim.ledger.time.trace import RunTrace
from sim.reliability.records import RunPlan
from sim.scenario import scenario_of
from sim.scenario.source import read_scenario
from sim.simulate import run_plan

REPLICAS = {"stalls": 120, "none": 30}
"""Runs of a scenario that stalls now and then, long each time, and of one that hardly ever does."""

_NORMAL_95 = 1.96


def peer_rows(name: str, peer: Entry) -> Iterator[Predicted | Skipped]:
    """Yield the wall time, the failures and the stalls of a scenario; with ample spares also the closed form.

    The form is that of experiments/validation/airesim-s1.toml, with the peer's own sizes and rates.
    """
    if "job_size" not in peer:
        reason = "no scenario: it states no job_size"
        yield Skipped(id=name, section="peers", source="AIReSim", reason=reason)
        return
    source = f"AIReSim {name}, {peer['reps']} runs"
    if peer.get("bad_fraction"):
        reason = "a share of bad servers, which this mapping does not carry over; expected bad_fraction 0"
        yield Skipped(id=name, section="peers", source=source, reason=reason)
        return
    plan, given = peer_plan(name, peer)
    traces = [simulate_run(replace(plan, seed=seed)) for seed in range(1, _replicas(peer) + 1)]
    hours = Sample(values=tuple(trace.end_us / (1e6 * HOUR_S) for trace in traces))
    interrupted = Sample(values=tuple(float(sum(e.interrupted for e in trace.events)) for trace in traces))
    waits = Sample(values=tuple(map(_returns_waited_for, traces)))
    outputs = {"wall_h": hours.mean, "failures": interrupted.mean, "stalls": waits.mean}

    def row(what: str, unit: str, known: float, known_error: float, found: Sample, origin: str) -> Predicted:
        return Predicted(
            id=f"{name}: {what}",
            section="peers",
            group="AIReSim",
            unit=unit,
            measured=known,
            simulated=found.mean,
            inputs=given,
            outputs=outputs,
            source=origin,
            replicas=len(found.values),
            standard_error=found.standard_error,
            z=z_score(found, known, known_error),
        )

    yield row("wall time", "h", peer["mean_h"], peer["ci95_h"] / _NORMAL_95, hours, source)
    known = float(peer["failures"])
    yield row("failures", "failures", known, sqrt(known / peer["reps"]), interrupted, source)
    if "closed_form_h" in peer:
        yield row("wall time, closed form", "h", peer["closed_form_h"], 0.0, hours, "oracle 10: L + h + lambda N L R")
        deviation = Sample(values=(hours.standard_error * sqrt(len(traces)),))
        spread = peer["closed_form_sd_h"] / sqrt(2 * (len(traces) - 1))
        formula = "oracle 10: R sqrt(lambda N L)"
        yield row("spread of wall times, closed form", "h", peer["closed_form_sd_h"], spread, deviation, formula)
    if "stalls" in peer:
        # Its own error is not published; a stall is long and rare, so its count spreads as much as ours.
        known_error = waits.standard_error * sqrt(len(traces) / peer["reps"])
        yield row("stalls, one for each server waited for", "stalls", float(peer["stalls"]), known_error, waits, source)


def _replicas(peer: Entry) -> int:
    return REPLICAS["stalls" if peer.get("stalls") else "none"]


def peer_plan(name: str, peer: Entry) -> tuple[RunPlan, dict[str, Any]]:
    """Return the plan of a peer's scenario, and what it was given: that of S1 with other sizes."""
    given = {
        "job_size": peer["job_size"],
        "standby": peer["standby"],
        "spare_nodes": peer["working"] + peer["spare"] - peer["job_size"],
        "days": peer["days"],
        "rate_per_day": peer["rate_per_day"],
        "recovery_min": peer["recovery_min"],
    }
    shipped = f"airesim-{name.lower()}"
    tree = read_scenario("airesim-s1")
    tree["cluster"] |= {"nodes": given["job_size"], "spare_nodes": given["spare_nodes"]}
    tree["failures"]["causes"][0]["mean"] = f"{1 / given['rate_per_day']:.15g} d"
    idle = given["job_size"] + given["standby"]
    tree["recovery"] |= {"detect": f"{given['recovery_min']} min", "resume_when_idle": idle}
    tree["run"]["work"] = f"{given['days']} d"
    tree["name"] = shipped
    return run_plan(scenario_of(tree, shipped), (), None), given


def _returns_waited_for(trace: RunTrace) -> float:
    """Return how many servers came back while the job waited: AIReSim counts a stall for each."""
    waits = [(s.start_us, s.end_us) for s in trace.segments if s.state == "wait_for_node"]
    back = [event.time_us for event in trace.events if event.kind == "repaired"]
    return float(sum(start < time <= end for start, end in waits for time in back))
