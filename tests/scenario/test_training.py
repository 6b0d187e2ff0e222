"""Models, phases and layouts: what is derived, what must agree, what a study without a model may say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, LayoutError, ScenarioError
from sim.scenario import Phase, Scenario, scenario_of
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed


def resolved(tree: dict[str, Any] = WITH_MODEL, /, **changes: Any) -> Scenario:
    return scenario_of(changed(tree, **changes), "file.toml")


def phases(**changes: Any) -> tuple[Phase, ...]:
    training = resolved(**changes).training
    assert training is not None
    return training.phases


def test_the_data_degree_follows_from_the_gpus() -> None:
    # 4 nodes x 8 = 32 GPUs; tensor 4 x pipeline 2 leaves 4.
    assert phases()[0].layout.data == 4


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"parallelism__data": 3},
            "parallelism: tensor 4 x pipeline 2 x data 3 = 24 GPUs, but the job has 4 nodes x 8 = 32 GPUs; "
            "nearest is data = 4",
        ),
        (
            {"parallelism__pipeline": 3},
            "tensor 4 x pipeline 3 = 12 GPUs a replica does not divide the job's 4 nodes x 8 = 32 GPUs; "
            "nearest that does: pipeline = 2, or cluster.nodes = 3",
        ),
        (
            {"parallelism__tensor": 64},
            "file.toml: parallelism.tensor: 64 does not divide model.heads = 32; nearest that does: 32",
        ),
        (
            {"parallelism__pipeline": 64},
            "tensor 4 x pipeline 64 = 256 GPUs a replica are more than the job's 4 nodes x 8 = 32 GPUs; "
            "nearest is pipeline = 8",
        ),
        (
            {"parallelism__tensor": 32, "parallelism__context": 2},
            "more than the job's 4 nodes x 8 = 32 GPUs; expected a product that divides 32",
        ),
        (
            {"training__global_batch": 32, "training__micro_batch": 7},
            "training.micro_batch: 7 does not divide global_batch / data = 32 / 4 = 8; nearest that does: 4 or 8",
        ),
        (
            {"training__recompute": {"kind": "full", "layers": 1000}},
            "training.recompute.layers: got 1,000 of each chunk, but none holds more than 16; nearest is 16",
        ),
        (
            {"training__phases": [{"name": "ramp", "tokens": 1e9, "global_batch": 7}]},
            "training.phases.0 (ramp): training.global_batch: 7 is no multiple of data x micro_batch",
        ),
        (
            {"training__phases": [{"name": "ramp", "tokens": 1e9, "parallelism": {"tensor": 3}}]},
            "training.phases.0.parallelism.tensor: 3 does not divide model.heads = 32; nearest that does: 2 or 4",
        ),
        (
            {"parallelism__schedule": {"kind": "interleaved", "chunks": 10**9}},
            "parallelism.schedule.chunks: 2 stages x 1000000000 chunks are more than the 32 layers with embedding and "
            "head fill; nearest that they fill: 17",
        ),
        ({"training__global_batch": 66}, "training.global_batch: 66 is no multiple of data x micro_batch"),
        (
            {"parallelism__schedule": {"kind": "1f1b", "chunks": 2}},
            "got 2, but a stage of 1f1b holds 1; expected 1, or kind 'interleaved'",
        ),
    ],
)
def test_a_layout_that_does_not_use_the_job_names_the_numbers(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(LayoutError) as caught:
        resolved(**changes)
    assert expected in str(caught.value)


@given(nodes=st.integers(1, 64), tensor=st.sampled_from([1, 2, 4, 8]), pipeline=st.integers(1, 32))
def test_a_layout_is_accepted_only_if_it_uses_every_gpu(nodes: int, tensor: int, pipeline: int) -> None:
    tree = changed(
        WITH_MODEL,
        cluster__nodes=nodes,
        parallelism={"tensor": tensor, "pipeline": pipeline},
        training__global_batch=nodes * 8,
        cluster__topology={"kind": "fat-tree", "k": 16},
    )
    if nodes * 8 % (tensor * pipeline):
        with pytest.raises(LayoutError):
            scenario_of(tree, "file.toml")
    else:
        training = scenario_of(tree, "file.toml").training
        assert training is not None
        assert training.phases[0].layout.gpus == nodes * 8


def test_without_phases_there_is_one_with_all_tokens() -> None:
    (phase,) = phases()
    assert (phase.name, phase.tokens, phase.batch.global_batch) == ("main", 1_000_000_000, 64)
    assert resolved().tokens == 1_000_000_000


def test_a_phase_overrides_key_by_key_and_the_rest_follows() -> None:
    ramp = {"name": "ramp", "tokens": 1e8, "global_batch": 32, "recompute": "full", "parallelism": {"pipeline": 4}}
    first, second = phases(training__tokens=None, training__phases=[ramp, {"name": "main", "tokens": 9e8}])
    assert (first.batch.global_batch, first.batch.recompute, first.batch.sequence_length) == (32, "full", 8192)
    assert (first.layout.pipeline, first.layout.tensor, first.layout.data) == (4, 4, 2)
    assert (second.batch.global_batch, second.batch.recompute, second.layout.data) == (64, "none", 4)


def test_a_phase_with_new_degrees_derives_its_data_degree_although_one_is_given() -> None:
    ramp = {"name": "ramp", "tokens": 1e9, "parallelism": {"pipeline": 4}}
    (phase,) = phases(parallelism__data=4, training__phases=[ramp])
    assert phase.layout.data == 2


def test_a_layout_error_of_a_phase_names_the_phase() -> None:
    ramp = {"name": "ramp", "tokens": 1e9, "parallelism": {"pipeline": 3}}
    with pytest.raises(LayoutError, match=r"training\.phases\.0\.parallelism: tensor 4 x pipeline 3"):
        resolved(training__phases=[ramp])


def test_the_tokens_of_the_phases_are_those_of_the_whole() -> None:
    two = [{"name": "a", "tokens": 3e8}, {"name": "b", "tokens": 6e8}]
    with pytest.raises(ScenarioError, match=r"training\.tokens: got 1,000,000,000, but the phases sum to 900,000,000"):
        resolved(training__phases=two)
    assert resolved(training__phases=two, training__tokens=None).tokens == 900_000_000


@pytest.mark.parametrize("key", ["sequence_length", "global_batch"])
def test_a_batch_is_needed_unless_every_phase_has_its_own(key: str) -> None:
    with pytest.raises(ScenarioError, match=rf"training\.{key}: is missing"):
        resolved(**{f"training__{key}": None})
    own = [{"name": "a", "tokens": 1e9, key: 8192}]
    assert resolved(**{f"training__{key}": None, "training__phases": own}).training is not None


def test_a_field_over_a_preset_is_marked_as_the_scenarios_own() -> None:
    training = resolved(model__layers=16).training
    assert training is not None
    assert (training.model.layers, training.model.hidden) == (16, 4096)
    assert training.model.name == "llama3-8b, changed"
    assert training.model.sources["layers"].kind == "assumed"


def test_a_field_equal_to_the_presets_changes_nothing() -> None:
    assert resolved(model__layers=32).training == resolved().training


def test_a_model_without_a_preset_needs_every_field() -> None:
    with pytest.raises(ScenarioError, match="no preset, and no hidden, heads"):
        resolved(model={"layers": 16})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model__kv_heads": 5}, "expected a divisor of heads = 32"),
        ({"model__attention": "mha"}, "got 8 with mha, expected heads = 32"),
    ],
)
def test_heads_that_do_not_fit_together_are_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ScenarioError, match=expected):
        resolved(**changes)


@pytest.mark.parametrize("key", ["training__software", "cluster__topology"])
def test_a_models_step_needs_software_and_a_topology(key: str) -> None:
    with pytest.raises(ScenarioError, match="is missing; a model's step needs it"):
        resolved(**{key: None})


def test_a_study_without_a_model_takes_its_step_time_as_given() -> None:
    scenario = resolved(WITHOUT_MODEL)
    assert (scenario.training, scenario.step_time_s, scenario.tokens) == (None, 10.0, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"training__tokens": 5},
        {"training__global_batch": 5},
        {"training__precision": "bf16"},
        {"parallelism": {}},
        {"cluster__network": {}},
        {"cluster__placement": {"kind": "packed"}},
    ],
    ids=str,
)
def test_what_only_a_models_step_would_read_is_refused_without_one(changes: dict[str, Any]) -> None:
    tree = changed(WITHOUT_MODEL, run={"horizon": "30 d"}, **changes)
    with pytest.raises(ScenarioError, match=r"needs a \[model\]"):
        scenario_of(tree, "file.toml")


def test_a_step_is_either_simulated_or_given() -> None:
    with pytest.raises(ScenarioError, match="expected it or"):
        resolved(training__step_time="10 s")
    with pytest.raises(ScenarioError, match=r"neither \[model\] nor training\.step_time"):
        resolved(WITHOUT_MODEL, training={})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"training__tokens": None}, "nothing ends it; expected one of training.tokens, run.work, run.horizon"),
        ({"run__work": "3 d"}, "got both tokens and work"),
    ],
)
def test_a_run_has_one_goal_or_a_horizon(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(**changes)
    assert expected in str(caught.value)


@pytest.mark.parametrize("limit", ["work", "horizon"])
def test_work_or_a_horizon_may_stand_for_tokens(limit: str) -> None:
    scenario = resolved(training__tokens=None, **{f"run__{limit}": "54 d"})
    assert scenario.tokens is None
    assert getattr(scenario.limits, f"{limit}_s") == 54 * 86400


def test_a_horizon_may_cut_a_run_that_has_tokens() -> None:
    assert resolved(run__horizon="54 d").limits.horizon_s == 54 * 86400


def test_a_layout_that_no_phase_changes_is_wrong_where_it_is_written() -> None:
    two = [{"name": "a", "tokens": 500_000_000}, {"name": "b", "tokens": 500_000_000}]
    with pytest.raises(LayoutError, match=r"^file\.toml: parallelism: tensor 4 x pipeline 3 = 12 GPUs"):
        resolved(training__phases=two, parallelism__pipeline=3)


def test_shard_groups_are_nodes_unless_they_are_given() -> None:
    def layout(**changes: Any) -> Any:
        return phases(parallelism__tensor=1, parallelism__pipeline=1, **changes)[0].layout

    assert layout(parallelism__sharding="hsdp").shard == 8
    assert layout(parallelism__sharding="hsdp", parallelism__shard=4).shard == 4
    zero3 = layout(parallelism__sharding="zero3", parallelism__prefetch=0, parallelism__reshard_after_forward=False)
    assert (zero3.prefetch, zero3.reshard_after_forward, zero3.shard) == (0, False, 0)
    assert (layout(parallelism__sharding="zero3").prefetch, layout(parallelism__sharding="hsdp").prefetch) == (1, 1)


def test_dualpipe_holds_two_chunks_and_needs_no_number_of_them() -> None:
    layout = phases(parallelism__schedule={"kind": "dualpipe"}, parallelism__optimizer_sync="post-validation")[0].layout
    assert (layout.schedule.chunks, layout.optimizer_sync) == (2, "post-validation")


def test_layers_gathered_one_by_one_count_as_operations() -> None:
    many = 4 * 20_000
    assert phases(training__global_batch=many, parallelism__sharding="zero2")[0].batch.global_batch == many
    with pytest.raises(
        LayoutError, match=r"20,000 microbatches a replica; expected at most 16,384 .* 32 layers gathered"
    ):
        phases(training__global_batch=many, parallelism__sharding="zero3")


@pytest.mark.parametrize("order", ["tensor-context-data-pipeline", ["tensor", "context", "data", "pipeline"]])
def test_an_order_of_ranks_is_text_or_a_list(order: Any) -> None:
    (phase,) = phases(parallelism__order=order)
    assert phase.layout.order == ("tensor", "context", "data", "pipeline")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("tensor-context-data", "parallelism.order: tensor-context-data lacks pipeline"),
        ("", "parallelism.order: unknown dimension ''"),
        ([], "parallelism.order: an empty order lacks tensor"),
        ("tensor-context-data-pipelin", "unknown dimension 'pipelin'; did you mean 'pipeline'?"),
        ([["tensor"]], "parallelism.order.0: got ['tensor'], expected text"),
        (5, "parallelism.order: got 5, expected a list"),
    ],
)
def test_a_wrong_order_is_refused_at_its_key(order: Any, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        phases(parallelism__order=order)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
