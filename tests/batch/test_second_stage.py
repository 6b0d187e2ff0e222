"""Replications until intervals are narrow: a second stage that is a plan of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.batch.plans.second import wanted_replicas
from sim.batch.statistics.two_stage import replications_for
from sim.batch.store.samples import samples
from sim.errors import InputError, OutputError
from sim.report.batch.batch_answer import results_json
from tests.batch.studies import SHORT, contents, plan_from, run

UNTIL = SHORT.replace("replicas = 4\n", "") + "\n[until]\nfirst = 4\nmost = 12\nhalf_width = { ettr = 0.1 }\n"


def test_the_second_stage_brings_every_variant_to_what_the_widest_needs(tmp_path: Path) -> None:
    plan, events = plan_from(tmp_path, UNTIL), list[Mapping[str, Any]]()
    status = run(plan, tmp_path / "out", events=events)
    first = samples(tmp_path / "out", [0, 1, 2, 3, 4, 5], ["ettr"], 3)["ettr"]
    need = max(replications_for(each[:, np.newaxis], 0.1) for each in first)
    assert need > 4
    assert status.replicas == min(need, 12)
    assert (status.complete, status.second, status.runs_done) == (True, True, 3 * status.replicas)
    assert [event["event"] for event in events].count("second") == 1


def test_its_intervals_are_as_narrow_as_asked_unless_the_cap_ends_it(tmp_path: Path) -> None:
    plan = plan_from(tmp_path, UNTIL.replace("most = 12", "most = 400"))
    run(plan, tmp_path / "out")
    rows = [row for row in results_json(tmp_path / "out")["rows"] if row["metric"] == "ettr"]
    assert all(row["ci_high"] - row["mean"] <= 0.1 + 1e-12 for row in rows)


def test_shards_wait_for_the_first_stage_and_then_write_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_from(tmp_path, UNTIL)
    run(plan, tmp_path / "alone")
    for shard in (1, 2, 3):
        events: list[Mapping[str, Any]] = []
        status = run(plan, tmp_path / "out", shard=(shard, 3), events=events)
        assert ("waiting" in [event["event"] for event in events]) == (shard < 3)
        assert not status.complete
    for shard in (1, 2):
        run(plan, tmp_path / "out", shard=(shard, 3))
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


def test_the_second_stage_is_planned_once(tmp_path: Path) -> None:
    plan = plan_from(tmp_path, UNTIL)
    run(plan, tmp_path / "out")
    before, events = contents(tmp_path / "out"), list[Mapping[str, Any]]()
    run(plan, tmp_path / "out", events=events)
    assert contents(tmp_path / "out") == before
    assert not [event for event in events if event["event"] == "chunk"]


def test_a_second_stage_of_another_plan_is_refused(tmp_path: Path) -> None:
    plan = plan_from(tmp_path, UNTIL)
    run(plan, tmp_path / "out")
    path = tmp_path / "out" / "plan-2.json"
    path.write_text(path.read_text().replace('"plan": "', '"plan": "0'))
    with pytest.raises(OutputError, match=r"plan-2\.json: is of plan 0"):
        run(plan, tmp_path / "out")


def test_a_relative_width_is_a_part_of_the_mean(tmp_path: Path) -> None:
    plan = plan_from(tmp_path, UNTIL.replace("0.1", '"5 %"'))
    found = {"ettr": [np.array([0.4, 0.5, 0.6]), np.array([0.5, 0.5, 0.5]), np.array([0.9, 0.9, 0.9])]}
    assert wanted_replicas(plan, found) == min(12, replications_for(np.array([[0.4], [0.5], [0.6]]), 0.025))


@pytest.mark.parametrize(
    ("width", "values", "said"),
    [
        ('"5 %"', [-1.0, 0.0, 1.0], "the mean is 0 for '0'"),
        ("0.1", [1.0, float("nan"), 1.0], "not every run of '0' has ettr"),
    ],
)
def test_what_no_second_stage_can_reach_is_told(tmp_path: Path, width: str, values: list[float], said: str) -> None:
    plan = plan_from(tmp_path, UNTIL.replace("0.1", width))
    with pytest.raises(InputError, match=said):
        wanted_replicas(plan, {"ettr": [np.array(values)] * 3})


@pytest.mark.parametrize(
    ("width", "said"), [("0", "expected more than 0"), ('"5"', "expected a number, or a text such as '0.5 %'")]
)
def test_a_width_that_means_nothing_is_refused_before_any_run(tmp_path: Path, width: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"until\.half_width\.ettr: .*{said}"):
        plan_from(tmp_path, UNTIL.replace("0.1", width))
