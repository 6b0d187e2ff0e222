"""Which rule predicts which published case, by what the case states; a case that no rule takes is skipped with why."""

from collections.abc import Callable, Iterator, Mapping

from sim.analysis.reliability.cases.effective import bound_of, effective_rows, restart_rows
from sim.analysis.reliability.cases.kokolis import cluster_rows, formula_table
from sim.analysis.reliability.cases.saved import (
    durable_rows,
    every_step_rows,
    overhead_rows,
    overlap_rows,
    states_durations,
)
from sim.analysis.reliability.cases.spikes import spike_rows
from sim.analysis.reliability.cases.standby import standby_rows
from sim.analysis.reliability.optimum import daly_rows
from sim.analysis.reliability.rows import Entry, Found, Skipped

Rule = Callable[[Entry], Iterator[Found]]

REASONS: Mapping[str, str] = {
    "byterobust-fleet-3mo": "counts by category of 778,135 jobs, without their sizes or hours: no rate follows",
    "byterobust-10day-1000gpu": "a number of runs, restarts by hand included: no rate and no outcome",
    "unicron-alibaba": "shares of what ends tasks, without sizes or hours; its gain is over another system",
    "acme-nsdi24": "counts by category, without GPU-hours; time to restart is not in what is stored",
    "delta-a100-h100": "availability needs a repair time of each error; published is one recovery, of 19 h",
    "lablup-504-b200": "the success of one attempt is not published but by the chains that it would predict",
    "opt-175b": "restarts are counted, their durations are not, and the wasted GPU-hours are given as two numbers",
    "gemini-sosp23": "ratios over other systems, without the job that they are of",
    "ckpt-misc": "overheads without the step times and intervals that they are of",
    "bytedance-whatif": "waste by stragglers of a fleet, without the jobs' layouts or workers",
    "recycle": "throughput over other systems, whose own models are not published here",
    "lanl-schroeder-gibson": "the law of repair times is an input; no outcome is stated",
    "gemini-goodput": "goodput without rates, sizes, intervals or restarts",
    "tpu-v4": "daily rates of parts, without what a failure costs; no outcome is stated",
    "sdc-rates": "rates of several sources, without an outcome of any",
    "olmo-hybrid-lambda": "restart times without a rate of failures: uptime does not follow",
    "minder-aegis-c4": "C4's downtime has neither rates nor jobs; the unit of the mean times to failure is not known",
    "fire-flyer": "counts of errors, without what they stop or cost",
    "crusoe-h200": "shares of events; their number is inferred from the shares",
    "vendor-goodput": "upper ends of what vendors claim, without inputs",
    "superbench-azure": "an improvement by validation, without the failures before it",
}
"""Why known cases are not predicted."""


def rule_of(case: Entry) -> Rule | None:
    """Return the rule for a case, by what it states; None where it states too little.

    >>> rule_of({"checkpoint": {"seconds": 40, "interval_h": 3, "overhead": 0.0037}}).__name__
    'overhead_rows'
    """
    checkpoint, failures, reported, restart = (
        case.get(key) or {} for key in ("checkpoint", "failures", "reported", "restart_time")
    )
    states: Mapping[Rule, bool] = {
        effective_rows: "unexpected" in failures
        and "duration_days" in case
        and bound_of(reported.get("effective_training_time")) is not None,
        restart_rows: {"detect+diagnose_min", "catch_up_min"} <= set(restart)
        and bound_of(failures.get("restarts")) is not None
        and bound_of(reported.get("effective_training_time_rate")) is not None,
        cluster_rows: "rate_per_1000_node_days" in failures and "interval_min" in checkpoint,
        formula_table: str(case.get("formula", "")).startswith("E[ETTR]"),
        daly_rows: "tau_opt_min" in reported and "delta_min" in checkpoint and "R_min" in restart,
        overhead_rows: {"seconds", "interval_h", "overhead"} <= set(checkpoint),
        every_step_rows: bool(checkpoint)
        and all(isinstance(entry, Mapping) and "relative_MFU" in entry for entry in checkpoint.values()),
        spike_rows: "rewind_steps" in restart,
        standby_rows: "P99 backup machines" in failures,
        durable_rows: states_durations(case),
        overlap_rows: {"global write GB/s", "bytes_per_param", "interval_min"} <= set(checkpoint),
    }
    return next((rule for rule, stated in states.items() if stated), None)


def case_rows(case: Entry) -> Iterator[Found]:
    """Yield what a case leads to, or why it is skipped."""
    rule = rule_of(case)
    if rule is None:
        yield Skipped(id=case["id"], section="published", source=case["source"], reason=reason_of(case))
    else:
        yield from rule(case)


def reason_of(case: Entry) -> str:
    """Return why a case is not predicted: a known one's own reason, or what it lacks.

    >>> reason_of({"id": "mine", "inputs": [], "outputs_to_predict": ["goodput"]})
    'states no inputs'
    """
    if case["id"] in REASONS:
        return REASONS[case["id"]]
    if not case.get("inputs"):
        return "states no inputs"
    if not case.get("outputs_to_predict"):
        return "states inputs and no outcome to predict"
    return f"no rule leads from its inputs ({', '.join(map(str, case['inputs']))}) to its outcome"
