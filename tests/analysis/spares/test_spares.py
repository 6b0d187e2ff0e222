"""What a change is worth: exact where nothing is drawn, the numbers of `run` elsewhere."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.analysis.spares.answer import spares_answer
from sim.analysis.spares.changes import changes_of, left_out
from sim.analysis.spares.study import Outcome, Task, outcomes_of, study_spares
from sim.batch.seeds import Job
from sim.cli import app
from sim.errors import ScenarioError
from sim.ledger.bill.cost import total_usd
from sim.ledger.time.ratios import retained_step_us
from sim.report.spares.spares_picture import spares_picture
from sim.report.spares.spares_report import spares_report
from sim.scenario import load_scenario
from sim.simulate import run_id, simulate

SHORT = ['training.phases=[{name = "main", tokens = 8e9}]']

CONSTANT = """
name = "constant"
[training]
step_time = "60 s"
[cluster]
node = "dgx-h100"
nodes = 1
[failures]
clock = "operating"
[[failures.causes]]
component = "job"
name = "failure"
kind = "constant"
mean = "100 min"
[recovery]
detect = "5 min"
replace = "0 s"
initialize = "3 min"
[checkpoint]
interval = { kind = "fixed", every = "30 min" }
asynchronous = false
block = "1 min"
restore = "0 s"
[run]
seed = 1
"""


@pytest.fixture
def constant(tmp_path: Path) -> str:
    path = tmp_path / "constant.toml"
    path.write_text(CONSTANT)
    return str(path)


def rows_of(answer: dict[str, Any], metric: str) -> dict[str, Any]:
    return {row["value"]: row for row in answer["rows"] if row["metric"] == metric and row["over"] == "as it is"}


def test_a_minute_less_is_saved_at_every_failure(constant: str) -> None:
    """Every 100 min of steps and checkpoints the job fails with 93 min of steps done, 90 min of them durable."""
    study = study_spares(constant, overrides=["run.work=1000 min"], replicas=2, workers=1)
    failures = sum(simulate(load_scenario(constant, ["run.work=1000 min"])).summary.interruptions.values())
    assert failures == 11
    rows = rows_of(spares_answer(study), "hours_gained")
    assert rows["detection -1 min"]["mean"] == pytest.approx(failures / 60)
    assert rows["detection x0.5"]["mean"] == pytest.approx(failures * 2.5 / 60)
    assert rows["initialize -1 min"]["mean"] == pytest.approx(failures / 60)
    assert all(row["differs"] for row in rows.values())


def test_a_run_to_a_horizon_gains_retained_training(constant: str) -> None:
    study = study_spares(constant, overrides=["run.horizon=1080 min"], replicas=2, workers=1)
    answer = spares_answer(study)
    assert (answer["ends_with"], answer["mixed"]) == ("horizon", False)
    # Ten cycles of 108 min retain 90 min each; of 107 min they leave 10 min more for steps that are not yet durable.
    assert answer["baseline"]["retained_hours"]["mean"] == pytest.approx(15.0)
    assert study.of("wall_s", 0).tolist() == [64_800.0, 64_800.0]
    assert rows_of(answer, "hours_gained")["detection -1 min"]["mean"] == 0


def test_what_is_given_or_missing_is_left_out(constant: str) -> None:
    scenario = load_scenario(constant, ["run.work=1000 min"])
    assert [change.name for change in changes_of(scenario)] == [
        "detection -1 min",
        "detection x0.5",
        "initialize -1 min",
        "steps 1 % faster",
    ]
    assert [reason.split(":")[0] for reason in left_out(scenario)] == ["spares and crews", "store", "dual ToR"]


def test_every_change_betters_one_thing() -> None:
    scenario = load_scenario("tiny")
    changes = {change.name: change for change in changes_of(scenario)}
    assert list(changes) == [
        "+1 spare",
        "+2 spares",
        "+4 spares",
        "store x2",
        "detection -1 min",
        "detection x0.5",
        "initialize x0.5",
        "+1 repair crew",
        "dual ToR",
        "+1 % MFU",
    ]
    assert [changes[f"+{n} spare{'s' * (n > 1)}"].scenario.machines.spare_nodes for n in (1, 2, 4)] == [2, 3, 5]
    faster, storage = changes["store x2"].scenario.machines.storage, scenario.machines.storage
    assert faster is not None
    assert storage is not None
    assert faster.write_bandwidth_bytes_per_s == 2 * storage.write_bandwidth_bytes_per_s
    for change in changes.values():
        same = replace(change.scenario, machines=scenario.machines, recovery=scenario.recovery, repair=scenario.repair)
        same = replace(same, failures=scenario.failures)
        assert same == scenario
        assert (change.scenario != scenario) != (change.faster != 1.0)
    kept = changes["dual ToR"].scenario.failures.classes
    assert [each.cause for each in kept] == ["Faulty GPU", "Software bug"]


RACKS = """
name = "racks"
[training]
step_time = "60 s"
[cluster]
node = "gb200-nvl72"
nodes = 30
domain_gpus = 60
spare_nodes = 4
[failures]
ages = [{ nodes = 30, age = "9 d" }, { nodes = 4, age = "1.5 d" }]
[[failures.causes]]
component = "node"
name = "failure"
kind = "weibull"
mean = "40 d"
shape = 2.0
[recovery]
detect = "0 s"
replace = "5 min"
initialize = "3 min"
spares = { per_domain = 2 }
[repair]
crews = 0
automatic = { time = "1 d", success = 1.0 }
manual = { time = "1 d", success = 1.0 }
[checkpoint]
interval = { kind = "fixed", every = "30 min" }
asynchronous = false
block = "1 min"
restore = "0 s"
[run]
horizon = "5 d"
"""


def test_domains_grow_by_a_spare_each_as_far_as_they_have_room_and_by_whole_ones(tmp_path: Path) -> None:
    """Racks of 18 trays, of which the job uses 15 and two are spare: one more fits."""
    path = tmp_path / "racks.toml"
    path.write_text(RACKS)
    scenario = load_scenario(str(path))
    more = {change.name: change for change in changes_of(scenario) if change.overrides}
    assert [(name, change.scenario.machines.spare_nodes) for name, change in more.items()] == [
        ("+1 spare a domain", 6),
        ("+1 domain", 21),
    ]
    for change in more.values():
        # What its keys say is the same scenario: ages and spares fit each other and the domains.
        assert load_scenario(str(path), change.overrides) == change.scenario
    study = study_spares(str(path), replicas=2, workers=1)
    assert study.changes[:2] == ("+1 spare a domain", "+1 domain")
    assert np.isfinite(study.outcomes[:, :, 0]).all()


def test_a_fleet_of_ages_grows_by_nodes_as_old_as_its_last(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(RACKS.replace("spares = { per_domain = 2 }\n", ""))
    first = next(iter(changes_of(load_scenario(str(path)))))
    assert first.name == "+1 spare"
    assert [(each.nodes, each.age_s) for each in first.scenario.failures.ages] == [(30, 777600.0), (5, 129600.0)]
    assert load_scenario(str(path), first.overrides) == first.scenario
    assert study_spares(str(path), replicas=2, workers=1).changes[0] == "+1 spare"


def test_faster_steps_save_their_hundredth_where_nothing_else_takes_time(constant: str) -> None:
    """Without failures or checkpoints to speak of, 1,000 min of work take 1,000 / 1.01 min."""
    quiet = ["failures.scale=1e-3", "run.work=1000 min", "checkpoint.block=1 s"]
    answer = spares_answer(study_spares(constant, overrides=quiet, replicas=2, workers=1))
    gained = rows_of(answer, "hours_gained")["steps 1 % faster"]["mean"]
    assert gained == pytest.approx(1000 / 60 * (1 - 1 / 1.01), rel=0.1)


def test_faster_steps_retain_as_much_more_by_a_horizon(constant: str) -> None:
    quiet = ["failures.scale=1e-3", "run.horizon=1000 min", "checkpoint.block=1 s"]
    answer = spares_answer(study_spares(constant, overrides=quiet, replicas=2, workers=1))
    base = answer["baseline"]["retained_hours"]["mean"]
    gained = rows_of(answer, "hours_gained")["steps 1 % faster"]["mean"]
    # Up to a checkpoint's interval of 30 min, which falls where steps end.
    assert gained == pytest.approx(0.01 * base, abs=0.5)
    assert gained > 0


def test_a_link_that_is_lost_stops_nothing_where_hosts_have_two() -> None:
    """Only links fail here, so that all which failures cost is saved."""
    link = 'component = "link", name = "Flapping link", kind = "exponential", mean = "2 d", replace = false'
    gpu = 'component = "gpu", name = "never", kind = "exponential", mean = "9000 y"'
    overrides = ['training.phases=[{name = "main", tokens = 30e9}]', f"failures.causes=[{{{link}}}, {{{gpu}}}]"]
    study = study_spares("tiny", overrides=overrides, replicas=2, workers=1)
    plain = simulate(load_scenario("tiny", overrides)).summary
    assert plain.interruptions["Flapping link"] > 0
    quiet = [
        simulate(load_scenario("tiny", [*overrides, "failures.scale=0", f"run.seed={seed}"])).summary.wall_time_s
        for seed in (1, 2)
    ]
    assert study.of("wall_s", study.changes.index("dual ToR")).tolist() == quiet
    assert rows_of(spares_answer(study), "hours_gained")["dual ToR"]["mean"] > 0


@pytest.mark.parametrize("routing", ["adaptive", "ecmp"])
def test_outcomes_are_what_run_prints(routing: str) -> None:
    overrides = [*SHORT, f"cluster.network.routing={routing}"]
    scenario = load_scenario("tiny", overrides)
    job = Job(key=run_id(scenario), scenario=scenario, source="tiny", overrides=tuple(overrides))
    keys = {
        "+1 spare": "cluster.spare_nodes=2",
        "+4 spares": "cluster.spare_nodes=5",
        "initialize x0.5": 'recovery.initialize="30 s"',
        "+1 repair crew": "repair.crews=2",
    }
    changes = tuple(change for change in changes_of(scenario) if change.name in keys)
    for seed in (1, 2):
        found = outcomes_of(Task(job=job, changes=changes, seed=seed))
        for outcome, key in zip(found, ["name=tiny", *(keys[change.name] for change in changes)], strict=True):
            run = simulate(load_scenario("tiny", [*overrides, f"run.seed={seed}", key]))
            assert run.costs is not None
            assert outcome == Outcome(
                run.summary.wall_time_s,
                retained_step_us(run.trace) * 1e-6,
                float(total_usd(run.costs)),
                float(run.summary.complete),
            )


def test_a_spare_that_is_not_needed_costs_what_the_bill_says() -> None:
    """Without failures that take a node, a spare is idle: its hours are nothing, its dollars its price."""
    overrides = [*SHORT, "failures.scale=1e-6"]
    answer = spares_answer(study_spares("tiny", overrides=overrides, replicas=2, workers=1))
    hours, dollars = rows_of(answer, "hours_gained")["+1 spare"], rows_of(answer, "usd_gained")["+1 spare"]
    prices = []
    for seed in (1, 2):
        plain, spare = (
            simulate(load_scenario("tiny", [*overrides, f"run.seed={seed}", f"cluster.spare_nodes={n}"])).costs
            for n in (1, 2)
        )
        assert plain is not None
        assert spare is not None
        prices.append(float(total_usd(spare) - total_usd(plain)))
    assert hours["mean"] == 0
    assert -dollars["mean"] == pytest.approx(sum(prices) / 2)
    assert dollars["mean"] < 0
    assert answer["best"] is None or "spare" not in answer["best"]


def test_later_spares_are_compared_with_earlier_ones() -> None:
    study = study_spares("tiny", overrides=SHORT, replicas=3, workers=1)
    rows = {(row["value"], row["over"]): row["mean"] for row in spares_answer(study)["rows"] if "usd" in row["metric"]}
    whole = rows["+2 spares", "as it is"] - rows["+1 spare", "as it is"]
    step = rows["+2 spares", "+1 spare"]
    assert step == pytest.approx(whole, rel=0.05)


def test_workers_change_nothing() -> None:
    one, two = (study_spares("tiny", overrides=SHORT, replicas=2, workers=count) for count in (1, 2))
    assert np.array_equal(one.outcomes, two.outcomes)


def test_a_job_in_which_nothing_fails_needs_no_spare() -> None:
    with pytest.raises(ScenarioError, match="nothing fails"):
        study_spares("tiny", overrides=["failures.scale=0"], workers=1)


def test_the_screen_has_80_columns_and_says_what_is_not_told_apart() -> None:
    study = study_spares("tiny", overrides=SHORT, replicas=2, workers=1)
    text = spares_report(spares_answer(study))
    assert max(map(len, text.splitlines())) <= 80
    assert "+1 spare" in text
    assert "indistinguishable" in text
    assert "Every run ends with its work" in text


def test_the_picture_has_a_bar_a_change_and_its_interval() -> None:
    answer = spares_answer(study_spares("tiny", overrides=SHORT, replicas=2, workers=1))
    root = ET.fromstring(spares_picture(answer))
    bars = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 1 + len(rows_of(answer, "usd_gained"))
    grey = [row for row in rows_of(answer, "usd_gained").values() if not row["differs"]]
    assert len([bar for bar in bars if bar.get("class") == "none"]) == len(grey)


def test_an_answer_is_written_whole_and_not_over_another(constant: str, tmp_path: Path) -> None:
    arguments = ["spares", constant, "--set", "run.work=1000 min", "--replicas", "2", "--workers", "1"]
    out = tmp_path / "answer"
    assert CliRunner().invoke(app, [*arguments, "--out", str(out)]).exit_code == 0
    facts = json.loads((out / "spares.json").read_text())
    assert (out / "spares.txt").read_text() == spares_report(facts) + "\n"
    assert (out / "spares.svg").read_text() == spares_picture(facts)
    assert CliRunner().invoke(app, [*arguments, "--out", str(out)]).exit_code == 2
    assert CliRunner().invoke(app, [*arguments, "--out", str(out), "--force"]).exit_code == 0
