"""A batch: the same bytes whatever the workers, nothing done twice, nothing lost that was told to be done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sim.batch import batch, seeds
from sim.batch.plans import plan as plans
from sim.batch.plans.identity import machine_digest, run_ids, with_seed
from sim.batch.plans.plan import Plan
from sim.batch.store import plan_file
from sim.errors import InputError, OutputError, ScenarioError
from sim.ledger.bill.cost import total_usd
from sim.scenario import canonical_text, load_scenario
from sim.simulate import prepare, run_id, simulate
from tests.batch.studies import SHORT, contents, plan_from, run


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_from(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def alone(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch without workers, in this process."""
    directory = tmp_path_factory.mktemp("alone") / "out"
    assert run(plan, directory).complete
    return directory


def test_every_run_of_the_plan_is_there_once_and_is_that_of_simulate(plan: Plan, alone: Path) -> None:
    rows = ds.dataset(alone / "runs").to_table().to_pylist()
    assert len({row["run_id"] for row in rows}) == len(rows) == 12
    assert {(row["variant"], row["seed"]) for row in rows} == {(v, s) for v in range(3) for s in (1, 2, 3, 4)}
    row = next(row for row in rows if (row["cluster.spare_nodes"], row["seed"]) == (2, 3))
    result = simulate(with_seed(plan.variants[1].scenario, 3, False))
    assert (row["run_id"], row["ettr"], row["wall_us"]) == (result.run_id, result.summary.ettr, result.trace.end_us)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_write_the_same_bytes_as_this_process(plan: Plan, alone: Path, tmp_path: Path, workers: int) -> None:
    assert run(plan, tmp_path / "out", workers).complete
    assert contents(tmp_path / "out") == contents(alone)


def test_four_shards_in_any_order_write_the_same_bytes_as_one(plan: Plan, alone: Path, tmp_path: Path) -> None:
    for shard in (3, 1, 4, 2):
        run(plan, tmp_path / "out", shard=(shard, 4))
    assert contents(tmp_path / "out") == contents(alone)


def test_the_second_time_nothing_is_done(plan: Plan, alone: Path) -> None:
    before, events = contents(alone), list[Mapping[str, Any]]()
    status = run(plan, alone, events=events)
    assert [event["event"] for event in events] == ["plan"]
    assert (events[0]["chunks_left"], status.complete) == (0, True)
    assert contents(alone) == before


def test_what_is_lost_is_simulated_again_and_no_more(plan: Plan, alone: Path) -> None:
    before, events = contents(alone), list[Mapping[str, Any]]()
    (alone / "runs" / "chunk-00001.parquet").unlink()
    run(plan, alone, events=events)
    assert [event["chunk"] for event in events if event["event"] == "chunk"] == [1]
    assert contents(alone) == before


@pytest.mark.parametrize("spoil", ["cut", "flipped", "empty", "other"])
def test_a_damaged_chunk_is_named_set_aside_and_simulated_again(plan: Plan, alone: Path, spoil: str) -> None:
    before, events = contents(alone), list[Mapping[str, Any]]()
    path = alone / "runs" / "chunk-00002.parquet"
    content = path.read_bytes()
    bad = {
        "cut": content[:-20],
        "flipped": content[:60] + bytes([content[60] ^ 255]) + content[61:],
        "empty": b"",
        "other": (alone / "runs" / "chunk-00001.parquet").read_bytes()[:-300] + content[-300:],
    }[spoil]
    path.write_bytes(bad)
    assert run(plan, alone, events=events).damaged == 1
    told = [event for event in events if event["event"] == "damaged"]
    assert [event["chunk"] for event in told] == [2]
    assert "chunk-00002.parquet" in told[0]["reason"]
    aside = alone / "damaged" / "runs-chunk-00002.parquet"
    assert aside.read_bytes() == bad
    aside.unlink()
    (alone / "damaged" / "scenarios-chunk-00002.parquet").unlink()
    assert contents(alone) == before


def test_a_table_beside_runs_that_is_cut_is_noticed(plan: Plan, alone: Path) -> None:
    before, events = contents(alone), list[Mapping[str, Any]]()
    path = alone / "scenarios" / "chunk-00000.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    run(plan, alone, events=events)
    assert "scenarios/chunk-00000.parquet: has" in next(e["reason"] for e in events if e["event"] == "damaged")
    for aside in (alone / "damaged").iterdir():
        aside.unlink()
    assert contents(alone) == before


def test_leftovers_of_interrupted_writing_are_swept_away(plan: Plan, alone: Path) -> None:
    before = contents(alone)
    (alone / "runs" / ".chunk-00003.parquet.elsewhere.77").write_bytes(b"half")
    run(plan, alone)
    assert contents(alone) == before


def test_another_study_in_the_directory_is_refused(alone: Path, tmp_path: Path) -> None:
    before = contents(alone)
    with pytest.raises(OutputError, match="holds the study 'short', not 'other'"):
        run(plan_from(tmp_path, SHORT.replace('"short"', '"other"')), alone)
    with pytest.raises(OutputError, match=r"holds this study with other variants; expected another --out, or --force"):
        run(plan_from(tmp_path, SHORT.replace("40 d", "50 d")), alone)
    with pytest.raises(OutputError, match=r"holds this study with other detail"):
        run(plan_from(tmp_path, detail="ledger"), alone)
    assert contents(alone) == before


def test_other_models_are_noticed(plan: Plan, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MODEL_VERSION", "99")
    monkeypatch.setattr(plan_file, "MODEL_VERSION", "99")
    with pytest.raises(OutputError, match=r"was begun by models .*, these are 99"):
        run(plan, alone)


def test_a_directory_of_something_else_is_left_alone(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="exists already and holds no batch"):
        run(plan, tmp_path)
    with pytest.raises(OutputError, match="holds no batch, so --force does not replace it"):
        batch.replace_batch(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_batch_is_replaced_by_force(plan: Plan, tmp_path: Path) -> None:
    plan_file.begin(tmp_path / "out", plan)
    batch.replace_batch(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_scenarios_are_kept_whole_with_their_chunk(plan: Plan, alone: Path) -> None:
    rows = pq.read_table(alone / "scenarios").to_pylist()
    assert {row["variant_name"] for row in rows} == {"0", "2", "4"}
    assert all(row["scenario"] == canonical_text(plan.variants[row["variant"]].scenario) for row in rows)
    assert "cluster.spare_nodes=2" in next(row["overrides"] for row in rows if row["variant_name"] == "2")


@pytest.mark.parametrize("name", ["tiny", "airesim-s1"])
def test_names_of_runs_are_those_of_single_runs(name: str) -> None:
    scenario = load_scenario(name)
    assert list(run_ids(scenario, [1, 9], False)) == [run_id(with_seed(scenario, seed, False)) for seed in (1, 9)]


def test_losses_that_follow_the_seed_follow_it_in_a_batch(tmp_path: Path) -> None:
    lost = '[set]\n"cluster.health" = { lost = [{ class = "leaf-spine", count = 1 }] }\n'
    planned = plan_from(tmp_path, f'name = "h"\nquestion = "?"\nbase = "tiny"\n{lost}').variants[0]
    assert planned.follows
    direct = load_scenario("tiny", [*planned.overrides, "run.seed=5"])
    assert with_seed(planned.scenario, 5, True) == direct
    assert list(run_ids(planned.scenario, [5], True)) == [run_id(direct)]


def test_variants_that_do_not_load_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^airesim-s1: cluster\.spare_node: .* did you mean 'spare_nodes'"):
        plan_from(tmp_path, SHORT.replace("cluster.spare_nodes", "cluster.spare_node").replace("0, 2, 4", "9, 8"))


def test_a_run_is_planned_once(tmp_path: Path) -> None:
    text = SHORT.split("[[axes]]")[0] + '[[axes]]\nkey = "run.seed"\nvalues = [1, 4]\n'
    with pytest.raises(ScenarioError, match="'1' and '4' are the same scenario under the same seeds"):
        plan_from(tmp_path, text)
    assert len(plan_from(tmp_path, text.replace("[1, 4]", "[1, 5]")).variants) == 2


def test_variants_of_one_machine_are_prepared_once_and_run_as_they_would_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[int] = []
    seeds.prepared_job.cache_clear()
    monkeypatch.setattr(seeds, "prepare", lambda scenario, **more: prepared.append(1) or prepare(scenario, **more))
    axes = '[[axes]]\nkey = "checkpoint.interval.every"\nvalues = ["5 min", "20 min"]\n'
    axes += '[[axes]]\nkey = "failures.scale"\nvalues = [1, 3]\n[batch]\nchunk = 4\n'
    plan = plan_from(tmp_path, f'name = "c"\nquestion = "?"\nbase = "tiny"\nreplicas = 2\n{axes}')
    run(plan, tmp_path / "out")
    assert len(prepared) == 1
    for row in ds.dataset(tmp_path / "out" / "runs").to_table().to_pylist():
        alone = simulate(with_seed(plan.variants[row["variant"]].scenario, row["seed"], False))
        expected = (alone.run_id, alone.summary.ettr, total_usd(alone.costs), alone.trace.end_us)
        assert (row["run_id"], row["ettr"], row["cost_usd"], row["wall_us"]) == expected


def test_variants_of_other_machines_are_prepared_apart() -> None:
    keys = ["cluster.spare_nodes=2", "run.seed=2", 'cost.override."data/run"=1', "training.micro_batch=1"]
    digests = {machine_digest(load_scenario("tiny", [key])) for key in (*keys, "name=tiny")}
    assert len(digests) == len(keys) + 1
    assert machine_digest(load_scenario("tiny", ["failures.scale=2"])) in digests
