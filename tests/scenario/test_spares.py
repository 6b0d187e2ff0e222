"""[recovery.spares] and what else [repair] says: what follows from the form, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from sim.errors import InputError
from sim.reliability.records import Law, Reorder, RepairStage, RepairStages, Retirement, SparePlan, SpareTier
from sim.scenario import Scenario, scenario_of
from sim.simulate import run_id, simulate
from tests.scenario.trees import WITHOUT_MODEL, changed

RETIRE = {"visits": 3, "within": "30 d"}
REORDER = {"below": 2, "order": 6, "lead": "30 d"}
NVL72 = {"node": "gb200-nvl72", "nodes": 64, "domain_gpus": 64, "spare_nodes": 8}


def resolved(**changes: Any) -> Scenario:
    return scenario_of(changed(WITHOUT_MODEL, **changes), "file.toml")


def spares(given: dict[str, Any], **changes: Any) -> SparePlan:
    recovery = resolved(recovery__spares=given, **changes).recovery
    assert recovery is not None
    return recovery.spares


def test_spares_are_cold_unless_said_otherwise() -> None:
    recovery = resolved().recovery
    assert recovery is not None
    assert recovery.spares == SparePlan()


def test_tiers_have_their_own_time_to_replace() -> None:
    hot = {"nodes": 2, "replace": "10 s"}
    warm = {"nodes": 6, "replace": {"kind": "exponential", "mean": "1 min"}}
    assert spares({"hot": hot, "warm": warm}) == SparePlan(
        hot=SpareTier(nodes=2, replace=Law(mean_s=10.0)),
        warm=SpareTier(nodes=6, replace=Law(kind="exponential", mean_s=60.0)),
    )


def test_a_domain_holds_the_gpus_that_the_job_uses_of_it() -> None:
    # 64 of 72 GPUs: 16 trays of four, and two spare trays in each of four racks.
    found = spares({"per_domain": 2}, cluster=NVL72)
    assert (found.per_domain, found.domain_nodes) == (2, 16)
    # And a spare rack of 18 trays.
    assert spares({"per_domain": 2}, cluster={**NVL72, "spare_nodes": 26}) == found


def test_a_domain_holds_the_jobs_nodes_and_its_spares() -> None:
    """72 GPUs are 18 nodes of four."""
    where = "recovery.spares.per_domain: got"
    with pytest.raises(InputError, match=rf"{where} 3 in domains of 18 nodes, of which .* 16; expected at most 2$"):
        spares({"per_domain": 3}, cluster={**NVL72, "spare_nodes": 12})
    whole = {**NVL72, "domain_gpus": 72, "nodes": 36, "spare_nodes": 2}
    with pytest.raises(InputError, match=rf"{where} 1 .* 18; expected a cluster.domain_gpus that leaves nodes for"):
        spares({"per_domain": 1}, cluster=whole)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"recovery__spares": {}}, "recovery.spares: got none of hot, warm, per_domain"),
        ({"recovery__spares": {"hot": {"nodes": 0, "replace": "1 s"}}}, "recovery.spares.hot.nodes: got 0"),
        ({"recovery__spares": {"hot": {"nodes": 4}}}, "recovery.spares.hot.replace: is missing"),
        ({"recovery__spares": {"hott": {"nodes": 4}}}, "unknown key 'hott'; did you mean 'hot'?"),
        (
            {"recovery__spares": {"warm": {"nodes": 9, "replace": "1 s"}}},
            "recovery.spares: got 9 hot and warm nodes, expected at most the 8 of cluster.spare_nodes",
        ),
        (
            {"recovery__spares": {"per_domain": 1}},
            "recovery.spares.per_domain: a 'dgx-h100' is a scale-up domain of its own; expected no per_domain",
        ),
        (
            {"recovery__spares": {"per_domain": 2}, "cluster": {**NVL72, "nodes": 60}},
            "got cluster.nodes = 60, expected a multiple of the 16 nodes",
        ),
        (
            {"recovery__spares": {"per_domain": 2}, "cluster": {**NVL72, "spare_nodes": 10}},
            "spare_nodes: got 10, expected 8 (2 for each of 4 domains), and 18 more for each whole spare domain",
        ),
        ({"repair__silent": 0.1}, "repair: silent and relapse belong together"),
        ({"repair__relapse": "1 d"}, "repair: silent and relapse belong together"),
        ({"repair__silent": 0.1, "repair__relapse": "0 s"}, "repair: relapse is 0 s"),
        ({"repair__silent": 1.5, "repair__relapse": "1 d"}, "repair.silent: got 1.5, expected at most 1"),
        ({"repair__retire": {"visits": 3, "within": "30 d"}}, "repair: retire and replacement belong together"),
        ({"repair__replacement": "14 d"}, "repair: retire and replacement belong together"),
        ({"repair__retire": {"visits": 0, "within": "1 d"}, "repair__replacement": "1 d"}, "visits: got 0"),
        ({"repair__reorder": REORDER}, "repair: reorder needs retire"),
        (
            {"repair__reorder": REORDER, "repair__retire": RETIRE, "repair__replacement": "14 d"},
            "repair: got both replacement and reorder; expected one",
        ),
        ({"repair__retire": RETIRE, "repair__reorder": {**REORDER, "bellow": 2}}, "did you mean 'below'?"),
        ({"repair__retire": RETIRE, "repair__reorder": {"below": 2, "order": 6}}, "repair.reorder.lead: is missing"),
        ({"repair__retire": RETIRE, "repair__reorder": {**REORDER, "order": 0}}, "repair.reorder.order: got 0"),
        ({"repair__retire": RETIRE, "repair__reorder": {**REORDER, "lead": "0 s"}}, "lead is 0.0 s; expected more"),
        (
            {"repair__retire": RETIRE, "repair__reorder": {**REORDER, "order": 7}},
            "repair.reorder: below + order is 9; expected at most the 8 of cluster.spare_nodes",
        ),
        (
            {"repair__retire": RETIRE, "repair__reorder": REORDER, "recovery__resume_when_idle": 520},
            "recovery.resume_when_idle: got 520 with repair.reorder.below 2; expected at most",
        ),
        (
            {
                "repair__retire": RETIRE,
                "repair__reorder": REORDER,
                "recovery__spares": {"per_domain": 2},
                "cluster": NVL72,
            },
            "repair.reorder: got recovery.spares.per_domain",
        ),
        ({"repair__by_cause": {"ani": {"manual": {"time": "1 h", "success": 1}}}}, "did you mean 'any'?"),
        ({"repair__by_cause": {"any": {}}}, "got neither automatic nor manual"),
        (
            {"repair__by_cause": {"any": {k: {"time": "1 h", "success": 0} for k in ("automatic", "manual")}}},
            "repair.by_cause.any: no stage ever succeeds",
        ),
    ],
)
def test_spares_and_repairs_that_cannot_be_say_why(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(**changes)
    assert expected in str(caught.value)


def test_a_cause_overrides_the_stage_that_it_names() -> None:
    repair = resolved(repair__by_cause={"any": {"manual": {"time": "3 h", "success": "90 %"}}}).repair
    assert repair is not None
    assert repair.by_cause == {
        "any": RepairStages(
            automatic=repair.automatic, manual=RepairStage(time=Law(mean_s=10_800.0), success=pytest.approx(0.9))
        )
    }


def test_silent_failures_and_retirement() -> None:
    repair = resolved(
        repair__silent="5 %",
        repair__relapse={"kind": "exponential", "mean": "2 d"},
        repair__retire={"visits": 3, "within": "30 d"},
        repair__replacement="14 d",
    ).repair
    assert repair is not None
    assert (repair.unnoticed, repair.relapse) == (pytest.approx(0.05), Law(kind="exponential", mean_s=172_800.0))
    assert repair.retire == Retirement(visits=3, within_s=2_592_000.0, replacement=Law(mean_s=1_209_600.0))


def test_spares_may_be_ordered_in_the_place_of_retired_nodes() -> None:
    lead = {"kind": "uniform", "mean": "30 d", "shape": 0.3}
    repair = resolved(repair__retire=RETIRE, repair__reorder={**REORDER, "lead": lead}).repair
    assert repair is not None
    assert repair.retire == Retirement(visits=3, within_s=2_592_000.0, replacement=None)
    assert repair.reorder is not None
    assert (repair.reorder.below, repair.reorder.order) == (2, 6)
    assert (repair.reorder.lead.kind, repair.reorder.lead.mean_s) == ("uniform", 2_592_000.0)
    assert resolved(repair__retire=RETIRE, repair__reorder=REORDER).repair == replace(
        repair, reorder=Reorder(below=2, order=6, lead=Law(mean_s=2_592_000.0))
    )


def test_a_scale_of_zero_leaves_stages_by_cause_unread() -> None:
    repair = resolved(failures__scale=0, repair__by_cause={"any": {"manual": {"time": "3 h", "success": 1}}}).repair
    assert repair is not None
    assert repair.by_cause == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"recovery__spares": {"hot": {"nodes": 2, "replace": "0 s"}}},
        {"repair__silent": 0.1, "repair__relapse": "1 d"},
        {"repair__retire": {"visits": 3, "within": "30 d"}, "repair__replacement": "14 d"},
        {"repair__retire": RETIRE, "repair__reorder": REORDER},
        {"repair__by_cause": {"any": {"manual": {"time": "3 h", "success": 1}}}},
    ],
)
def test_every_key_is_part_of_what_a_run_is(changes: dict[str, Any]) -> None:
    assert run_id(resolved(**changes)) != run_id(resolved())


def test_trays_of_a_rack_wait_for_their_own_spares_in_a_run() -> None:
    keys = {"failures__causes": [{"component": "node", "name": "any", "kind": "exponential", "mean": "20 d"}]}
    pooled = simulate(resolved(cluster=NVL72, **keys)).summary
    own = simulate(resolved(cluster=NVL72, recovery__spares={"per_domain": 2}, **keys)).summary
    assert own.states["wait_for_node"] > pooled.states["wait_for_node"]
