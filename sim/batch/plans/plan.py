"""The plan of a batch: every variant resolved, how often each is simulated, and what is kept of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Literal

from sim import MODEL_VERSION
from sim.batch.design.forms import MOST_REPLICATIONS, UntilForm
from sim.batch.design.precision import half_width
from sim.batch.plans.chunks import Chunk, chunk_size, chunks_of
from sim.batch.plans.columns import Column, columns_of
from sim.batch.plans.identity import digest_of, seed_follows
from sim.batch.plans.loading import loaded
from sim.batch.study import Study
from sim.errors import ScenarioError
from sim.ledger.files.schema import SCHEMA_VERSION
from sim.scenario import Scenario

FORMAT = 1
"""Of the plan file."""

Detail = Literal["summary", "ledger", "events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVariant:
    """A variant with its scenario, whose seed is that of replication 0; digest: of what else determines its runs."""

    name: str
    overrides: tuple[str, ...]
    scenario: Scenario
    digest: str
    follows: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a batch does. replicas: of every variant, in the first stage where `until` asks for a second.

    size: most runs of a chunk. columns: swept keys, by variant.
    """

    study: str
    question: str
    metrics: tuple[str, ...]
    detail: Detail
    replicas: int
    until: UntilForm | None
    size: int
    variants: tuple[PlannedVariant, ...]
    columns: tuple[Column, ...]
    allow_plugins: bool

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks of the first stage."""
        return chunks_of(len(self.variants), 0, self.replicas, self.size)


def plan_of(
    study: Study,
    *,
    overrides: Sequence[str] = (),
    replicas: int | None = None,
    detail: Detail | None = None,
    allow_plugins: bool = False,
) -> Plan:
    """Return the plan of a study; overrides lie over its own, replicas and detail stand in place of its own.

    Raises InputError with a line for everything that does not load, ScenarioError for runs that are planned twice.
    """
    for metric, width in study.until.half_width.items() if study.until else ():
        half_width(width, metric)
    shared = (*study.overrides, *overrides)
    scenarios = loaded(study.base, study.variants, shared)
    variants = []
    for variant, scenario in zip(study.variants, scenarios, strict=True):
        follows = seed_follows(scenario, study.base, [*shared, *variant.overrides])
        variants.append(
            PlannedVariant(
                name=variant.name,
                overrides=(*shared, *variant.overrides),
                scenario=scenario,
                digest=digest_of(scenario, follows),
                follows=follows,
            )
        )
    until = study.until if replicas is None else None
    first = until.first if until else replicas or study.replicas
    plan = Plan(
        study=study.name or study.base,
        question=study.question or "",
        metrics=study.metrics,
        detail=detail or study.hints.detail,
        replicas=first,
        until=until,
        size=study.hints.chunk or chunk_size(len(variants), first),
        variants=tuple(variants),
        columns=columns_of([variant.values for variant in study.variants]),
        allow_plugins=allow_plugins,
    )
    _check(plan)
    return plan


def plan_text(plan: Plan) -> str:
    """Return a plan as JSON, the same to the byte on every machine."""
    return json.dumps(_plain(plan), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def plan_id(text: str) -> str:
    """Return the name of a plan: the hash of its text."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(plan: Plan) -> Mapping[str, Any]:
    return {
        "format": FORMAT,
        "model_version": MODEL_VERSION,
        "schema_version": SCHEMA_VERSION,
        "study": plan.study,
        "question": plan.question,
        "metrics": plan.metrics,
        "detail": plan.detail,
        "replicas": plan.replicas,
        "until": None if plan.until is None else plan.until.model_dump(),
        "chunk": plan.size,
        "chunks": len(plan.chunks),
        "runs": len(plan.variants) * plan.replicas,
        "variants": [
            {"name": each.name, "overrides": each.overrides, "seed": each.scenario.seed, "scenario": each.digest}
            for each in plan.variants
        ],
    }


def _check(plan: Plan) -> None:
    """Raise ScenarioError where there is no run or too many, or one is planned twice: a scenario under one seed."""
    most = plan.until.most if plan.until else plan.replicas
    if not 1 <= most * len(plan.variants) <= MOST_REPLICATIONS or plan.replicas > most:
        raise ScenarioError(
            f"{plan.study}: got {len(plan.variants):,} variants of {plan.replicas:,} to {most:,} runs; expected 1 to "
            f"{MOST_REPLICATIONS:,} in all"
        )
    by_digest: dict[str, list[PlannedVariant]] = {}
    for each in plan.variants:
        by_digest.setdefault(each.digest, []).append(each)
    for alike in by_digest.values():
        for one, other in pairwise(sorted(alike, key=lambda each: each.scenario.seed)):
            if other.scenario.seed - one.scenario.seed < most:
                raise ScenarioError(
                    f"{plan.study}: the variants '{one.name}' and '{other.name}' are the same scenario under the same "
                    "seeds; expected each once"
                )
