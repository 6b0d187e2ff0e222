"""`validate --kind training`: the answer, from measured rows to scores with and without what cannot be reached."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from math import expm1
from typing import Any

from sim.analysis.rules import BLANKS
from sim.analysis.scores import alike, by_sweep, groups, pairs_in_order, score, slope_per_doubling, sweep_scores
from sim.errors import InputError

Answer = dict[str, Any]


def training_answer(answers: Sequence[Mapping[str, Any]]) -> Answer:
    """Return the JSON of a validation from the answers of its rows. Raises InputError where no row could be simulated.

    Scores at the top are of rows that are not excluded; `all` holds those of every row.
    """
    rows = [dict(row) for row in answers if "error" in row]
    kept = [row for row in rows if not row["excluded"]]
    skipped = [
        {"id": row["id"], "source": row["source"], "reason": row["skipped"]} for row in answers if "skipped" in row
    ]
    if not kept:
        reasons = "; ".join(f"{reason} ({n})" for reason, n in Counter(row["reason"] for row in skipped).most_common(3))
        raise InputError(f"measurements: no row can be simulated: {reasons or 'the file holds none'}")
    return {
        "kind": "training",
        **_scores(kept),
        "all": _scores(rows),
        "out_of_sample": out_of_sample([row["id"] for row in kept]),
        "groups": groups(kept),
        "sweeps": {name: sweep_scores(sweep) for name, sweep in sorted(by_sweep(kept).items())},
        "order": order(kept),
        "rows": rows,
        "skipped": skipped,
        "rules": dict(BLANKS),
    }


def out_of_sample(names: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Return scores by fold and kind of rows that set the fitted levels, each predicted without its fold.

    Empty where none of the rows did; python -m experiments.fit_levels writes what is read here.
    """
    text = (files("experiments") / "reference" / "level_residuals.json").read_text(encoding="utf-8")
    wanted = set(names)
    listed = [row for row in json.loads(text) if row["id"] in wanted]
    kinds = sorted({row["kind"] for row in listed})
    return {
        fold: {kind: score([expm1(row[fold]) for row in listed if row["kind"] == kind]) for kind in kinds}
        for fold in ("by_source", "by_sweep")
        if listed
    }


def _scores(rows: Sequence[Mapping[str, Any]]) -> Answer:
    return {
        **score([row["error"] for row in rows]),
        "slope_per_doubling": slope_per_doubling(rows),
        "anchored": anchored_by_kind(rows),
        "by_kind": groups(rows)["kind"],
    }


def anchored_by_kind(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return by kind the mean absolute error of rows whose sweep's first row sets the level."""
    errors: dict[str, list[float]] = {}
    for sweep in by_sweep(rows).values():
        level = sweep[0]["simulated"] / sweep[0]["measured"]
        for row in sweep[1:]:
            errors.setdefault(row["kind"], []).append(abs(row["simulated"] / row["measured"] / level - 1))
    return {kind: sum(listed) / len(listed) for kind, listed in sorted(errors.items())}


def order(rows: Sequence[Mapping[str, Any]]) -> Answer:
    """Return how layouts of one job are ranked: pairs whose measured times differ by more than 5 %, and the choice.

    first_over_best: by how much the layout ranked first is slower than the best measured, in the worst job.
    """
    jobs = alike(rows)
    ranked = [pairs_in_order(job) for job in jobs.values()]
    right, told = sum(one for one, _ in ranked), sum(both for _, both in ranked)
    choices = {name: sweep_scores(job)["first_over_best"] for name, job in jobs.items()}
    return {
        "jobs": len(jobs),
        "pairs": told,
        "pairs_in_order": right,
        "share": right / told if told else None,
        "first_over_best": max(choices.values(), default=None),
        "choices": choices,
    }
