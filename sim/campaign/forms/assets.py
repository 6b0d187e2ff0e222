"""Assets of a campaign: the cluster of a scenario, what it is wired of, and how it is paid for."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from sim.batch.variants import toml_text
from sim.campaign.forms.tables import AssetForm
from sim.campaign.records import US_PER_DAY, Asset
from sim.cluster.records import BomLine
from sim.errors import ScenarioError
from sim.ledger.bill.power import check_cap
from sim.ledger.power.energy import peak_it_w
from sim.machine import build_machine, materials
from sim.scenario import Scenario
from sim.scenario.load import scenario_of
from sim.scenario.source import Tree, overridden, read_scenario

KEYS = ("cluster", "cost")
"""Tables of a scenario that are its asset."""

EVICTION = {"component": "job", "kind": "exponential", "mean": "1 y"}

RECOVERY = {"detect": "0 s", "replace": "0 s", "initialize": "0 s"}


STEP_ONLY = ("network", "placement", "speed", "gemm_table", "health")
"""Keys of [cluster] that say how a job runs on it and not what it is."""


def set_keys(tree: Mapping[str, Any], keys: Mapping[str, Any]) -> Tree:
    """Return a tree with dotted keys set anew, as `--set` does."""
    return overridden(tree, [f"{key}={toml_text(value)}" for key, value in keys.items()])


def read_base(name: str, folder: Path) -> Tree:
    """Return the keys of a preset, or of a file beside the campaign."""
    is_file = name.endswith(".toml") or "/" in name
    return read_scenario(str(folder / Path(name).expanduser()) if is_file else name)


def asset_tree(form: AssetForm, folder: Path) -> Tree:
    """Return the [cluster] and [cost] of an asset. Raises ScenarioError for keys that are no part of it."""
    for key in form.set:
        if key.split(".")[0] not in KEYS:
            raise ScenarioError(f"set: got '{key}'; expected keys of cluster and cost: the rest belongs to runs")
    tree = set_keys(read_base(form.scenario, folder), form.set)
    missing = [key for key in KEYS if key not in tree]
    if missing:
        raise ScenarioError(f"scenario: '{form.scenario}' has no [{missing[0]}]; expected one that has a bill")
    if tree["cost"].get("teams"):
        raise ScenarioError("cost.teams: people of a campaign are paid by the calendar; expected [[teams]]")
    if tree["cost"].get("peak"):
        raise ScenarioError("cost.peak: a campaign's energy is not known by hour of the day; expected none")
    cluster = {key: value for key, value in tree["cluster"].items() if key not in STEP_ONLY}
    return {"cluster": cluster, "cost": tree["cost"]}


def asset_of(form: AssetForm, tree: Mapping[str, Any], start: date, allow_plugins: bool = False) -> Asset:
    """Return the asset of its keys, wired: its bill of materials is that of the whole cluster.

    Raises InputError as a scenario does, ScenarioError for days that are none of the campaign's.
    """
    # A job that trains nothing, so that only cluster and cost are checked; evictions are failures of its runs.
    job: Tree = {"training": {"step_time": "1 s"}, "run": {"horizon": "1 d", "start": form.from_ or start}}
    if tree["cost"].get("evictions"):
        job |= {"failures": {"causes": [EVICTION | {"name": tree["cost"]["evictions"]}]}, "recovery": RECOVERY}
    scenario = scenario_of({"name": form.name, **tree, **job}, "scenario")
    machine = build_machine(scenario, allow_plugins)
    assert machine is not None and scenario.billing is not None, "a scenario with [cost] has a topology"
    from_us = us_of(form.from_, start, "from") if form.from_ else 0
    until_us = us_of(form.until, start, "until") if form.until else None
    if until_us is not None and until_us <= from_us:
        raise ScenarioError(f"until: got {form.until}; expected a day after {form.from_ or start}")
    bill = materials(machine)
    _check_site(scenario, bill)
    return Asset(
        name=form.name,
        machines=scenario.machines,
        bill=bill,
        billing=scenario.billing,
        from_us=from_us,
        until_us=until_us,
    )


def _check_site(scenario: Scenario, bill: tuple[BomLine, ...]) -> None:
    """Raise PriceError where the site cannot bear what the whole cluster may draw."""
    asked, billing = scenario.machines, scenario.billing
    assert asked.storage is not None and billing is not None, "a scenario with [cost] has a store"
    nodes = asked.nodes + asked.spare_nodes
    peak_w = peak_it_w(asked.node, asked.accelerator, nodes * asked.node.accelerators, bill, asked.storage)
    check_cap(peak_w, nodes, asked.cooling.pue if asked.cooling else None, billing.prices, billing.terms)


def us_of(day: date, start: date, where: str) -> int:
    """Return microseconds from the start of a campaign to a day. Raises ScenarioError for one before it."""
    if day < start:
        raise ScenarioError(f"{where}: got {day}; expected a day from the campaign's start on, {start}")
    return (day - start).days * US_PER_DAY
