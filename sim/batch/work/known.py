"""What a worker knows of a variant after its first chunk: every task brings the scenario anew, and it is the same."""

from dataclasses import dataclass, field, replace
from functools import lru_cache

from sim.batch.plans.identity import cut_at_seed, machine_digest
from sim.batch.seeds import KEPT, Job, prepared_job
from sim.batch.work.task import Part
from sim.scenario import Scenario
from sim.simulate import Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A variant: digest and first seed tell it from all others, so that its scenario need not be compared."""

    digest: str
    seed: int
    follows: bool
    scenario: Scenario = field(compare=False)


def known(part: Part) -> Known:
    """Return the variant that a part is of."""
    return Known(digest=part.digest, seed=part.scenario.seed, follows=part.follows, scenario=part.scenario)


@lru_cache(maxsize=KEPT)
def cut_text(variant: Known) -> list[str]:
    """Return the canonical text of a variant, cut at the seed; see cut_at_seed."""
    return cut_at_seed(variant.scenario, variant.follows)


def text_of(part: Part) -> str:
    """Return the canonical text of a part's scenario, under the first seed of its variant."""
    return str(part.scenario.seed).join(cut_text(known(part)))


@lru_cache(maxsize=KEPT)
def _machine(variant: Known) -> str:
    return machine_digest(variant.scenario)


@lru_cache(maxsize=KEPT)
def prepared_variant(variant: Known, allow_plugins: bool) -> Prepared:
    """Return a variant before its runs; those of one machine and model are prepared together, once a process."""
    job = Job(key=_machine(variant), scenario=variant.scenario, source="", overrides=(), allow_plugins=allow_plugins)
    prepared = prepared_job(job)
    # Its training may be anchored: that is prepared too.
    return replace(prepared, scenario=replace(variant.scenario, training=prepared.scenario.training))


def forget_prepared() -> None:
    """Give back the memory of what is prepared."""
    prepared_variant.cache_clear()
    prepared_job.cache_clear()
