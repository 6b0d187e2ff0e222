"""Comparisons: the same seeds, sums that hold, refusals before any run."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from sim import catalog
from sim.batch.compare import Comparison, compare
from sim.batch.metrics import main_step
from sim.batch.variants import axis_of, variants_of
from sim.errors import InputError
from sim.machine import build_machine, materials
from sim.report.comparison.comparison import comparison_json
from sim.report.comparison.comparison_report import comparison_report
from sim.report.comparison.pareto_picture import pareto_picture
from sim.scenario import load_scenario
from sim.simulate import simulate

FABRICS = 'cluster.topology={kind = "rail-optimized"},{kind = "leaf-spine", radix = 64},{kind = "fat-tree", k = 8}'


def compared(*over: str, replicas: int = 2, workers: int = 1) -> Comparison:
    return compare("tiny", variants_of([axis_of(text) for text in over]), replicas=replicas, workers=workers)


@pytest.fixture(scope="module")
def fabrics() -> Comparison:
    return compared(FABRICS)


@pytest.fixture(scope="module")
def answer(fabrics: Comparison) -> dict[str, Any]:
    return comparison_json(fabrics)


def test_every_sample_is_that_of_a_plain_run(fabrics: Comparison) -> None:
    base = load_scenario("tiny")
    for each in fabrics.measured:
        for index, cost in enumerate(each.samples["cost_usd"]):
            alone = simulate(load_scenario("tiny", [*each.variant.overrides, f"run.seed={base.seed + index}"]))
            assert alone.costs is not None
            assert cost == float(sum(posting.micro_usd for posting in alone.costs.postings)) / 1e6


@pytest.mark.parametrize(
    "extra",
    [
        ("cluster.network.routing=ecmp,adaptive",),
        ("cluster.placement.kind=random,packed",),
        (
            'cluster.topology={kind = "leaf-spine", down = 4, up = 4, radix = 8},{kind = "fat-tree", k = 8}',
            'cluster.health={lost = [{class = "leaf-spine", count = 1}]},{lost = [{class = "leaf-spine", count = 2}]}',
        ),
        ('cluster.speed={distribution = "normal", spread = 0.02},{distribution = "normal", spread = 0.03}',),
    ],
)
def test_what_a_step_draws_is_drawn_anew_for_every_seed(extra: tuple[str, ...]) -> None:
    found = compared(*extra)
    for each in found.measured:
        for index, step in enumerate(each.samples["step_time_s"]):
            seeded = [*each.variant.overrides, f"run.seed={load_scenario('tiny').seed + index}"]
            alone = main_step(simulate(load_scenario("tiny", seeded)))
            assert alone is not None and step == alone.profile.step_time_s


def test_processes_change_nothing(fabrics: Comparison) -> None:
    assert compared(FABRICS, workers=2) == fabrics


def test_rows_have_the_documented_keys(answer: dict[str, Any]) -> None:
    assert {"value", "metric", "mean", "ci_low", "ci_high", "replicas"} <= set(answer["rows"][0])
    assert answer["best"] in {each["value"] for each in answer["variants"]}
    json.dumps(answer, allow_nan=False)


def test_parts_of_a_difference_sum_to_it(fabrics: Comparison, answer: dict[str, Any]) -> None:
    costs = [each.samples["cost_usd"][0] for each in fabrics.measured]
    steps = [each.samples["step_time_s"][0] for each in fabrics.measured]
    for index, why in enumerate(answer["why"], start=1):
        assert sum(why["usd"].values()) == pytest.approx(costs[index] - costs[0], abs=1e-6)
        assert sum(why["step_s"].values()) == pytest.approx(steps[index] - steps[0], abs=1e-9)
        assert sum(why["terms"].values()) == pytest.approx(costs[index] - costs[0], abs=1e-6)
        assert why["dominant"] == max(why["terms"], key=lambda term: abs(why["terms"][term]))


def test_a_dearer_switch_is_all_network_and_a_longer_detection_all_failures() -> None:
    machine = build_machine(load_scenario("tiny"))
    assert machine is not None
    (switch,) = (line.name for line in materials(machine) if line.item == "switch")
    dear = comparison_json(compared(f'cost.override={{"switch/{switch}" = 0}},{{"switch/{switch}" = 1e6}}', replicas=1))
    assert dear["why"][0]["dominant"] == "network"
    assert dear["why"][0]["terms"]["network"] > 0.8 * sum(dear["why"][0]["terms"].values())
    slow = comparison_json(compared("recovery.detect=1 min,60 min", replicas=1))
    assert slow["why"][0]["dominant"] == "failures"
    assert "What decides against 1 min: failures for 60 min" in comparison_report(slow)


def test_a_loss_is_a_row_of_its_own_for_one_seed(fabrics: Comparison, answer: dict[str, Any]) -> None:
    rows = [row for row in answer["rows"] if row["metric"].startswith("throughput_after_")]
    for each in fabrics.measured:
        own = {row["metric"]: row for row in rows if row["value"] == each.variant.name}
        assert len(own) == len(each.losses) > 0
        for loss in each.losses:
            row = own[f"throughput_after_{loss.lost.replace(' ', '_').replace('-', '_')}"]
            assert row["mean"] == (loss.remaining or 0.0)
            assert (row["ci_low"], row["ci_high"], row["replicas"]) == (None, None, 1)
    assert "Tokens/s left with one lost" in comparison_report(answer)


def test_losses_are_not_simulated_where_no_machine_differs() -> None:
    found = compared("recovery.detect=1 min,2 min", replicas=1)
    assert [each.losses for each in found.measured] == [(), ()]
    assert "lost" not in comparison_report(comparison_json(found))


def test_variants_of_one_step_are_told_and_of_them_those_of_one_price_and_the_same_tiers() -> None:
    kinds = '{kind = "leaf-spine", radix = 16},{kind = "clos", tiers = 2, radix = 16},{kind = "fat-tree", k = 8}'
    found = comparison_json(compared(f"cluster.topology={kinds}"))
    assert found["same_step"] == [["leaf-spine", "clos", "fat-tree"]]
    assert found["alike"] == [["leaf-spine", "clos"]]
    text = comparison_report(found)
    assert "One step within 0.1 %: leaf-spine, clos, fat-tree" in text
    assert "no difference in dollars a token either: leaf-spine, clos: the same tiers, no saving" in " ".join(
        text.split()
    )
    assert "What decides against leaf-spine: network for fat-tree" in text


def test_a_cable_that_a_routing_cannot_go_round_is_told_with_its_reason() -> None:
    found = compared(
        'cluster.topology={kind = "hyperx", shape = [3, 3], p = 4},{kind = "hyperx", shape = [3, 4], p = 4}',
        "cluster.network.routing=dimension-ordered,adaptive",
        replicas=1,
    )
    text = comparison_report(comparison_json(found))
    assert "knows no way round it" in text
    assert max(map(len, text.splitlines())) <= 80


def test_no_variant_beats_one_of_the_front(answer: dict[str, Any]) -> None:
    means = {(row["value"], row["metric"]): row["mean"] for row in answer["rows"]}
    names = [each["value"] for each in answer["variants"]]
    for kept in answer["pareto"]:
        own = (means[kept, answer["headline"]], means[kept, "step_time_s"])
        assert not any(
            means[name, answer["headline"]] < own[0] and means[name, "step_time_s"] < own[1] for name in names
        )
    assert answer["best"] in answer["pareto"]


def test_a_key_that_changes_nothing_is_said_to_decide_nothing() -> None:
    found = comparison_json(compared("name=one,two"))
    assert not any(row["differs"] for row in found["rows"])
    text = comparison_report(found)
    assert "the key decides nothing here" in text
    assert "no saving" in text


def test_screens_keep_to_eighty_columns(answer: dict[str, Any]) -> None:
    assert max(map(len, comparison_report(answer).splitlines())) <= 80


def test_a_picture_is_xml_with_a_dot_a_variant(answer: dict[str, Any]) -> None:
    root = ET.fromstring(pareto_picture(answer))
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == len(answer["variants"])


def test_variants_of_one_step_are_set_against_the_time_of_their_runs() -> None:
    found = comparison_json(compared("failures.scale=1,3"))
    assert found["same_step"] == [["1", "3"]]
    assert found["against"] == "wall_time_s"
    assert "against wall time" in pareto_picture(found)
    times = {row["value"]: row["mean"] for row in found["rows"] if row["metric"] == "wall_time_s"}
    assert times["1"] < times["3"] and found["pareto"] == ["1"]


def test_variants_that_do_not_load_or_fit_are_all_told() -> None:
    with pytest.raises(InputError) as refused:
        compared("cluster.topology.kind=fat-tre,cloos")
    assert len(str(refused.value).splitlines()) == 2
    assert "fat-tree" in str(refused.value)
    with pytest.raises(InputError, match="fat-tree"):
        compared('cluster.topology={kind = "rail-optimized"},{kind = "fat-tree", k = 2}')
    with pytest.raises(InputError, match=r"cluster\.nods"):
        compared("cluster.nods=2,3")


def test_a_fabric_costs_what_the_scenarios_own_prices_say() -> None:
    listed = catalog.price_book("2026-owned").prices
    machine = build_machine(load_scenario("tiny"))
    assert machine is not None
    used = {line.name for line in materials(machine)}
    cable = next(name for name in listed if name.startswith("cable/") and name.removeprefix("cable/") in used)
    found = compared(f'cost.override={{"{cable}" = 0}},{{"{cable}" = 1e6}}', replicas=1)
    free, dear = (each.fabric for each in found.measured)
    assert free is not None and dear is not None and dear.capex_usd > free.capex_usd + 1e6


def test_a_study_without_a_model_compares_what_it_has() -> None:
    over = "recovery.detect=1 min,30 min"
    path = "experiments/presets/tiny.toml"
    found = compare(path, variants_of([axis_of(over)]), replicas=2, workers=1)
    faster, slower = found.estimates("wall_time_s")
    assert faster.mean <= slower.mean
