"""Presets are whole scenarios; published ones say what was published."""

import json
import pickle
import re
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from jsonschema import ValidationError as SchemaError

from sim.scenario import (
    Scenario,
    canonical,
    canonical_text,
    load_scenario,
    preset_names,
    scenario_names,
    scenario_schema,
)
from sim.scenario.records import Training
from sim.workload.pipelines import SCHEDULES

ROOT = Path(__file__).parents[2]
PRESETS = ROOT / "experiments/presets"


def training_of(scenario: Scenario) -> Training:
    assert scenario.training is not None
    return scenario.training


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_a_whole_scenario_with_its_own_name(name: str) -> None:
    assert load_scenario(name).name == name


@pytest.mark.parametrize("spares", [0, 8, 100])
@pytest.mark.parametrize("name", ["airesim-s1", "airesim-s3"])
def test_a_scenario_of_a_validation_is_found_by_its_name_with_any_number_of_spares(name: str, spares: int) -> None:
    scenario = load_scenario(name, [f"cluster.spare_nodes={spares}"])
    assert (scenario.name, scenario.machines.spare_nodes) == (name, spares)
    assert name in scenario_names()
    assert name not in preset_names()


@pytest.mark.parametrize("name", preset_names())
def test_microbatches_are_whole_in_every_phase(name: str) -> None:
    for phase in training_of(load_scenario(name)).phases:
        assert phase.batch.global_batch % (phase.layout.data * phase.batch.micro_batch) == 0


@pytest.mark.parametrize("name", sorted({*preset_names()} - {"tiny"}))
def test_every_number_of_a_published_preset_says_what_it_is(name: str) -> None:
    text = (files("experiments") / "presets" / f"{name}.toml").read_text().partition("\n[published")[0]
    entry = re.compile(r"^\w+ = .*\d")
    kinds = re.compile(r"# .*(published|derived|assumed)")
    own = ("name", "extends", "preset", "software", "prices", "seed", "kind", "crews", "automatic", "manual")
    lines = [line for line in text.splitlines() if entry.match(line) and line.split(" = ")[0] not in own]
    assert [line for line in lines if not kinds.search(line)] == []


@pytest.mark.parametrize("name", preset_names())
def test_a_line_of_a_preset_has_one_comment(name: str) -> None:
    lines = (files("experiments") / "presets" / f"{name}.toml").read_text().splitlines()
    assert [line for line in lines if line.count("# ") > 1] == []


def test_llama_has_the_published_layout_and_tokens() -> None:
    scenario = load_scenario("llama3-405b")
    training = training_of(scenario)
    layouts = [phase.layout for phase in training.phases]
    assert (scenario.machines.gpus, scenario.tokens) == (16_384, 15_600_000_000_000)
    assert {(layout.tensor, layout.pipeline) for layout in layouts} == {(8, 16)}
    # Table 4 of arXiv 2407.21783: DP 128 at 8K; CP 16 and DP 8 at 128K.
    assert [(layout.context, layout.data) for layout in layouts] == [(1, 128), (1, 128), (8, 16), (16, 8)]
    # The first batches hold 4M tokens, for 252M tokens; the last 16M (3.4.1). 800B tokens are of long context (3.4.2).
    assert [phase.batch.tokens // 2**20 for phase in training.phases] == [4, 16, 16, 16]
    assert [phase.tokens for phase in training.phases[::2]] == [252_000_000, 400_000_000_000]


def test_the_54_days_change_phases_and_horizon_only() -> None:
    whole, window = load_scenario("llama3-405b"), load_scenario("llama3-405b-54d")
    assert window.limits.horizon_s == 54 * 86400
    assert [phase.name for phase in training_of(window).phases] == ["main"]
    changed = {"name", "limits", "training", "published", "published_gap"}
    assert replace(window, **{name: getattr(whole, name) for name in changed}) == whole


def test_the_canonical_form_is_plain_json_with_sorted_keys() -> None:
    plain = canonical(load_scenario("llama3-405b"))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert list(plain) == sorted(plain)
    assert plain["machines"]["nodes"] == 2048
    assert plain["checkpoint"]["policy"]["every_s"] == 600.0
    assert "sources" not in json.dumps(plain)


def test_the_canonical_form_tells_two_runs_apart_and_one_run_not() -> None:
    base = canonical_text(load_scenario("tiny"))
    assert canonical_text(load_scenario("tiny")) == base
    assert canonical_text(load_scenario("tiny", ["checkpoint.interval.every=600 s"])) == base
    for override in ("run.seed=2", "checkpoint.interval.every=601 s", "recovery.rework=false", "cluster.spare_nodes=2"):
        assert canonical_text(load_scenario("tiny", [override])) != base


def test_a_scenario_travels_between_processes() -> None:
    scenario = load_scenario("tiny")
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_the_schema_names_every_table_and_its_choices() -> None:
    schema = scenario_schema()
    assert {"model", "training", "parallelism", "cluster", "failures", "recovery", "run", "extends"} <= set(
        schema["properties"]
    )
    assert schema["$defs"]["ScheduleForm"]["properties"]["kind"]["enum"] == list(SCHEDULES)
    assert not schema["$defs"]["ClusterForm"]["additionalProperties"]


README_SCENARIO = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[0]
TEXTS = [*((PRESETS / f"{name}.toml").read_text(encoding="utf-8") for name in preset_names()), README_SCENARIO]


@pytest.mark.parametrize("text", TEXTS)
def test_what_loads_meets_the_schema(text: str) -> None:
    tree = json.loads(json.dumps(tomllib.loads(text), default=str))
    Draft202012Validator(scenario_schema()).validate(tree)


@pytest.mark.parametrize(
    "text",
    ['name = "a"', 'name = "a"\nextends = "tiny"\nclutser = 1', 'extends = "tiny"', 'name = 1\nextends = "tiny"'],
)
def test_what_does_not_load_breaks_the_schema(text: str) -> None:
    with pytest.raises(SchemaError):
        Draft202012Validator(scenario_schema()).validate(tomllib.loads(text))
