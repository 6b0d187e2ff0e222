"""Entries of a campaign: the scenario of a run on its asset, or work whose GPU-time is given."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sim import catalog
from sim.campaign.forms.assets import read_base, set_keys, us_of
from sim.campaign.forms.tables import RunForm, TeacherForm
from sim.campaign.records import Asset, Given, RunEntry
from sim.errors import ScenarioError
from sim.scenario import Scenario
from sim.scenario.load import scenario_of
from sim.scenario.lookup import look_up
from sim.scenario.source import Tree, overridden
from sim.workload.transformer import matmul_parameters

US_PER_HOUR = 3_600_000_000

WITHOUT = {"staff/research": 0.0, "data/run": 0.0, "data/licences": 0.0, "data/processing": 0.0, "data/annotation": 0.0}
"""Prices of what a campaign pays for as a whole: people by the calendar, data by the lump."""

ONCE = ("commitment", "credit", "committed", "contracts", "lead_time", "deposit", "ramp", "egress")
"""Terms of a cluster that hold once, however many runs share it."""


def entry_of(form: RunForm, asset: Asset, tree: Mapping[str, Any], start: date, folder: Path) -> RunEntry:
    """Return the entry of a form; tree: the keys of its asset. Raises InputError as a scenario does."""
    if form.scenario is not None:
        keys, nodes = _scenario_keys(form, asset, tree, start, folder)
        given = None
    else:
        assert form.nodes is not None, "the form refuses given work without nodes"
        keys, nodes, given = None, form.nodes, _given(form, asset, form.nodes)
    return RunEntry(
        name=form.name,
        kind=form.kind,
        label=form.label or form.kind,
        asset=asset.name,
        nodes=nodes,
        count=form.count,
        attempts=form.attempts,
        after=tuple(dict.fromkeys(form.after)),
        not_before_us=max(asset.from_us, us_of(form.start, start, "start") if form.start else 0),
        tree=keys,
        given=given,
    )


def _scenario_keys(form: RunForm, asset: Asset, tree: Mapping[str, Any], start: date, folder: Path) -> tuple[Tree, int]:
    """Return the keys of a run's scenario, billed as its asset is, and the nodes that it holds."""
    assert form.scenario is not None, "asked of runs with a scenario"
    keys = _without_cost(form, set_keys(read_base(form.scenario, folder), form.set))
    keys.pop("published", None)
    if form.nodes is not None:
        keys = overridden(keys, [f"cluster.nodes={form.nodes}"])
    if form.faults:
        keys = with_faults(keys, form.faults)
    keys = {**keys, "name": form.name, "cost": share_of_cost(tree["cost"], asset)}
    keys["run"] = {**keys.get("run", {}), "start": start}
    scenario = scenario_of(keys, "scenario")
    _check_fits(scenario, asset)
    return keys, scenario.machines.nodes + scenario.machines.spare_nodes


def _without_cost(form: RunForm, keys: Tree) -> Tree:
    """Return keys without a bill of their own. Raises ScenarioError where a run sets what its asset says."""
    for key in form.set:
        if key.split(".")[0] == "cost" or key in ("run.seed", "run.start", "name"):
            raise ScenarioError(
                f"set: got '{key}'; expected it of the campaign: assets have prices, the campaign a seed"
            )
    return {key: value for key, value in keys.items() if key != "cost"}


def with_faults(keys: Tree, faults: list[dict[str, Any]]) -> Tree:
    """Return a scenario's keys with further causes of failure, which end the run where they do not say otherwise.

    >>> with_faults({}, [{"name": "divergence"}])["failures"]["causes"]
    [{'component': 'job', 'aborts': True, 'name': 'divergence'}]
    """
    failures = keys.get("failures", {})
    causes = [{"component": "job", "aborts": True, **fault} for fault in faults]
    return {**keys, "failures": {**failures, "causes": [*failures.get("causes", []), *causes]}}


def share_of_cost(cost: Mapping[str, Any], asset: Asset) -> Tree:
    """Return the [cost] of a run alone on its nodes: without people, data, and what holds once for the cluster."""
    kept = {key: value for key, value in cost.items() if key not in ONCE}
    absent = {key: 0.0 for key in WITHOUT if key in asset.billing.prices.prices}
    return {**kept, "override": {**cost.get("override", {}), **absent}}


def _check_fits(scenario: Scenario, asset: Asset) -> None:
    """Raise ScenarioError for a run that asks for other nodes than its asset has, or a store that it has not.

    Nor may it buy any: an asset is charged for as a whole, from when until when it is held.
    """
    asked, held = scenario.machines, asset.machines
    if asked.node.name != held.node.name:
        raise ScenarioError(f"cluster.node: got '{asked.node.name}'; asset '{asset.name}' has '{held.node.name}'")
    if asked.storage is not None and held.storage is not None and asked.storage.name != held.storage.name:
        raise ScenarioError(
            f"cluster.storage: got '{asked.storage.name}'; asset '{asset.name}' has '{held.storage.name}'"
        )
    if scenario.repair is not None and scenario.repair.reorder is not None:
        raise ScenarioError(
            f"repair.reorder: asset '{asset.name}' is all that a campaign holds; expected repair.replacement"
        )
    if (asked.cooling is None) != (held.cooling is None):
        raise ScenarioError(f"cluster.cooling: is another than that of asset '{asset.name}'; expected the same")


def _given(form: RunForm, asset: Asset, nodes: int) -> Given:
    gpus = nodes * asset.gpus_per_node
    if form.teacher is not None:
        return teacher_work(form.teacher, asset)
    if form.gpu_hours is not None:
        return Given(gpu_us=round(form.gpu_hours * US_PER_HOUR), source=form.source or "")
    assert form.lasts is not None, "the form asks for one of them"
    return Given(gpu_us=round(form.lasts * 1e6) * gpus, source=form.source or "")


def teacher_work(form: TeacherForm, asset: Asset) -> Given:
    """Return the GPU-time in which a teacher sees tokens: tokens x 2 N_active / (MFU x peak).

    2 FLOP a parameter and token, of the forward pass alone, without attention (Kaplan et al., arXiv 2001.08361, table
    1); N_active: parameters that a token meets. Raises UnknownNameError for another model, ScenarioError for a
    precision that the accelerator does not have.
    """
    model = look_up(catalog.model, form.model, "teacher.model")
    peaks = asset.machines.accelerator.peak_flops_per_s
    if form.precision not in peaks:
        raise ScenarioError(
            f"teacher.precision: got '{form.precision}'; {asset.machines.accelerator.name} has {', '.join(peaks)}"
        )
    flop = 2.0 * matmul_parameters(replace(model, mtp_layers=0)) * form.tokens
    return Given(gpu_us=round(flop / (form.mfu * peaks[form.precision]) * 1e6), source=form.source, flop=flop)
