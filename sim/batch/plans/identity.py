"""What determines the runs of a variant: its scenario apart from the seed, and what follows the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b
from json import dumps

from sim import MODEL_VERSION
from sim.cluster.health import Health
from sim.scenario import Scenario, canonical_text
from sim.scenario.canonical import canonical

_PREPARED = ("training", "step_time_s", "machines", "billing", "start", "anchors", "seed")
"""Parts of a scenario that are read before a run begins."""

_SEED = "\N{BROKEN BAR}seed of the run\N{BROKEN BAR}"
"""Stands for the seed while the canonical form of a scenario is written once for all of its runs."""


def with_seed(scenario: Scenario, seed: int, follows: bool) -> Scenario:
    """Return a scenario under another seed; follows: what of its network is lost is drawn by that seed too."""
    health = scenario.machines.health
    if not follows or health is None:
        return replace(scenario, seed=seed)
    return replace(scenario, seed=seed, machines=replace(scenario.machines, health=_drawn(health, seed)))


def _drawn(health: Health, seed: int) -> Health:
    return replace(health, seed=seed)


def seed_follows(scenario: Scenario, source: str, overrides: Sequence[str]) -> bool:
    """Return whether another seed of the run draws other losses of its network."""
    if scenario.machines.health is None:
        return False
    from sim.scenario import load_scenario

    other = load_scenario(source, [*overrides, f"run.seed={scenario.seed + 1}"])
    return other.machines.health != scenario.machines.health


def digest_of(scenario: Scenario, follows: bool) -> str:
    """Return the hash of a scenario apart from its seed."""
    text = canonical_text(with_seed(scenario, 0, follows))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def machine_digest(scenario: Scenario) -> str:
    """Return the hash of what is prepared before a run: its machine, model, bill and seed.

    Scenarios that differ elsewhere, in what fails, how it recovers, or when it saves, are prepared alike.
    """
    plain = canonical(scenario)
    text = dumps({name: plain[name] for name in _PREPARED}, sort_keys=True, allow_nan=False)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def run_ids(scenario: Scenario, seeds: Sequence[int], follows: bool) -> Iterator[str]:
    """Yield the names of runs that differ in their seed; each is that of `run_id` for such a scenario."""
    return ids_of(scenario.name, cut_at_seed(scenario, follows), seeds)


def ids_of(name: str, cut: Sequence[str], seeds: Sequence[int]) -> Iterator[str]:
    """Yield the names of runs from their scenario's name, and its canonical text cut at the seed."""
    begun = blake2b(f"{MODEL_VERSION}\n{cut[0]}".encode(), digest_size=6)
    for seed in seeds:
        digest = begun.copy()
        digest.update("".join(f"{seed}{rest}" for rest in cut[1:]).encode())
        yield f"{name}-{digest.hexdigest()}"


def cut_at_seed(scenario: Scenario, follows: bool) -> list[str]:
    """Return the canonical text of a scenario without its seed: with any seed between the parts, it is that seed's.

    The canonical form costs more than a short run; this way it is made once for all runs of a variant.
    """
    plain = canonical(scenario)
    plain["seed"] = _SEED
    if follows:
        plain["machines"]["health"]["seed"] = _SEED
    text = dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    cut = text.split(f'"{_SEED}"')
    assert len(cut) == 2 + follows, "no scenario holds this text"
    return cut
