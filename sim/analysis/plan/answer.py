"""What `plan --json` prints."""

from collections.abc import Sequence
from typing import Any

from sim.analysis.plan.equal_loss import Comparison, flop_of, growing_usd
from sim.analysis.plan.layouts.records import Ranked, Ranking
from sim.analysis.plan.limits import BINDS, exposed, gain_without_memory, limits_of, lost
from sim.analysis.plan.records import Outcome, Question
from sim.analysis.plan.solve import Solved
from sim.analysis.plan.works import is_open, setting_of
from sim.workload.scaling.ranges import beyond
from sim.workload.scaling.shapes import counted
from sim.workload.scaling.solve import training_flop
from sim.workload.transformer import matmul_parameters, total_parameters

Json = dict[str, Any]

UNITS = {"money": "USD", "time": "s", "power": "W", "GPUs": "GPUs"}
FEW_FAILURES = 0.1
"""Of the GPU time held: less is what any large job loses."""

NEGLIGIBLE = 0.02
"""A gain that is not worth a word."""


def plan_answer(solved: Solved) -> Json:
    """Return the answer to a plan's question: the plan, its limits, and the nearest that keeps them."""
    question, plan = solved.question, solved.plan
    limits = limits_of(question, plan)
    return {
        "feasible": solved.feasible,
        "open": is_open(question),
        "plan": outcome_json(plan),
        "limits": [
            {"name": each.name, "used": each.used, "limit": each.limit, "unit": UNITS[each.name], "met": each.met}
            for each in limits
        ],
        "missing": [
            {"name": each.name, "amount": each.used - each.limit, "unit": UNITS[each.name]}
            for each in limits
            if not each.met
        ],
        "binds": binding(question, plan),
        "nearest": None if solved.nearest is None else outcome_json(solved.nearest),
        "compared": [outcome_json(each) for each in solved.compared],
        "law": _law_json(question, plan),
        "assumed": assumed(question),
    }


def binding(question: Question, plan: Outcome) -> list[Json]:
    """Return what keeps the plan from more: limits that are used up, memory that rules out a faster layout, network."""
    rows: list[Json] = [
        {"name": each.name, "share": each.share}
        for each in limits_of(question, plan)
        if each.share >= BINDS and each.name != "GPUs"
    ]
    if question.gpus is not None:
        rows.append({"name": "GPUs", "share": 1.0})
    gain = gain_without_memory(plan)
    if gain > NEGLIGIBLE:
        rows.append({"name": "memory", "share": gain})
    if exposed(plan) > NEGLIGIBLE:
        rows.append({"name": "network", "share": exposed(plan)})
    if lost(plan) > FEW_FAILURES:
        rows.append({"name": "failures", "share": lost(plan)})
    return rows


def outcome_json(outcome: Outcome) -> Json:
    """Return one simulated plan."""
    draft, runs = outcome.draft, outcome.runs
    machines, model = draft.job.scenario.machines, draft.work.model
    flop = sum(run.useful_flop for run in runs) / len(runs)
    return {
        "node": draft.node,
        "accelerator": machines.accelerator.name,
        "gpus": draft.gpus,
        "spare_gpus": machines.spare_nodes * machines.node.accelerators,
        "model": model.name,
        "parameters": total_parameters(model),
        "active_parameters": matmul_parameters(model),
        "tokens": outcome.tokens,
        "loss": outcome.loss,
        "compute_flop": training_flop(counted(model), outcome.tokens),
        "layout": layout_json(draft.best),
        "step_time_s": outcome.step_s,
        "step_estimate_s": draft.best.estimate_s,
        "mfu": outcome.mfu,
        "effective_mfu": sum(run.effective_mfu for run in runs) / len(runs),
        "waterfall": dict(outcome.waterfall),
        "memory": {"peak_bytes": outcome.peak_bytes, "capacity_bytes": machines.accelerator.hbm_bytes},
        "days": _spread([run.wall_s / 86400 for run in runs]),
        "cost_usd": _spread([run.cost_usd for run in runs]),
        "cost": dict(outcome.cost),
        "gpu_hours": sum(run.gpu_hours for run in runs) / len(runs),
        "interruptions": sum(run.interruptions for run in runs) / len(runs),
        "seeds": [run.seed for run in runs],
        "power_w": outcome.power_w,
        "usd_per_trillion_tokens": outcome.cost_usd / outcome.tokens * 1e12,
        "usd_per_useful_pflop_day": outcome.cost_usd / (flop / 8.64e19),
        "search": search_json(draft.ranking),
    }


def _spread(values: Sequence[float]) -> Json:
    return {"mean": sum(values) / len(values), "least": min(values), "most": max(values)}


def layout_json(ranked: Ranked) -> Json:
    """Return a layout as the keys that a scenario says it by."""
    each = ranked.candidate
    return {
        "tensor": each.tensor,
        "context": each.context,
        "pipeline": each.pipeline,
        "data": each.data,
        "expert": each.expert,
        "expert_tensor": each.expert_tensor,
        "schedule": each.kind,
        "chunks": each.chunks,
        "sharding": each.sharding,
        "micro_batch": each.micro_batch,
        "global_batch": each.global_batch,
        "recompute": each.recompute,
    }


def search_json(ranking: Ranking) -> Json:
    """Return what became of all layouts; left: what the best of those not looked at could gain at most, as a part."""
    left = 0.0
    if not ranking.complete and ranking.best and ranking.best_left_s is not None:
        left = max(0.0, 1 - ranking.best_left_s / ranking.best[0].per_sequence_s)
    return {
        "considered": ranking.considered,
        "counts": dict(ranking.counts),
        "complete": ranking.complete,
        "seconds": ranking.seconds,
        "left": left,
    }


def layouts_answer(ranking: Ranking, name: str, gpus: int) -> Json:
    """Return the answer of a search among layouts alone."""
    refused = ranking.refused_by_memory
    return {
        "scenario": name,
        "gpus": gpus,
        "rows": [
            {
                "layout": layout_json(each),
                "bound_s": each.bound_s,
                "estimate_s": each.estimate_s,
                "simulated_s": each.simulated_s,
                "mfu": each.mfu,
                "peak_bytes": each.peak_bytes,
            }
            for each in ranking.best
        ],
        "without_memory_limit": None
        if refused is None
        else {"layout": layout_json(refused), "bound_s": refused.bound_s},
        "search": search_json(ranking),
    }


def comparison_answer(comparison: Comparison) -> Json:
    """Return the answer of a comparison at equal loss."""
    student = comparison.distilled
    return {
        "rows": [
            {
                **outcome_json(row.outcome),
                "name": row.name,
                "law": row.law,
                "loss": row.loss,
                "compute_flop": flop_of(row),
                "cost_without_data_usd": growing_usd(row.outcome),
                "usd_per_further_hundredth": row.next_usd,
                "beyond": row.beyond,
            }
            for row in comparison.rows
        ],
        "distilled": None
        if student is None
        else {
            "teacher": student.teacher,
            "student": student.student,
            "training_usd_per_trillion_tokens": student.training_usd_per_token * 1e12,
            "teacher_usd_per_trillion_tokens": student.teacher_usd_per_token * 1e12,
            "teacher_gpu_hours": student.teacher_gpu_hours,
            "break_even": student.break_even,
        },
        "assumed": assumed(comparison.question),
    }


def _law_json(question: Question, plan: Outcome) -> Json:
    law, model = question.law, plan.draft.work.model
    return {
        "name": law.name,
        "title": law.title,
        "source": law.source.source,
        "date": law.source.date,
        "efficiency": question.setting.efficiency,
        "beyond": beyond(law, counted(model, law), plan.tokens, setting_of(question, model)),
    }


def assumed(question: Question) -> list[str]:
    """Return what the question leaves open and the plan takes for granted."""
    rows = [
        f"failures, recovery, checkpoints, software and the growth of the batch as in {question.base}, its store per "
        "GPU; a non-blocking rail-optimized fabric; 1 % spare nodes"
    ]
    if question.deadline_s is None and question.gpus is None:
        rows.append("done within 90 d, as no deadline is given")
    if question.model is None:
        rows.append("a model of the shape of Llama 3's")
    if question.setting.efficiency == 1.0:
        rows.append("a FLOP achieves what it did where the law was fitted (--efficiency 1)")
    return rows
