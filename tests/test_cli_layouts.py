"""Wrong layouts, batches and speeds through `trainwright step`: exit code 2, one line, no traceback."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim.cli import app

SCENARIO = """
name = "uneven"
[model]
preset = "llama3-405b"
[training]
tokens = 1e12
sequence_length = 8192
global_batch = 256
software = "meta-2024"
[parallelism]
tensor = 8
pipeline = 16
schedule = { kind = "interleaved", chunks = 4 }
sharding = "zero2"
sequence_parallel = true
[cluster]
node = "dgx-h100"
nodes = 128
topology = { kind = "fat-tree", k = 32 }
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenarios") / "uneven.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def step(scenario: Path, *overrides: str) -> Result:
    sets = [part for override in overrides for part in ("--set", override)]
    return CliRunner().invoke(app, ["step", str(scenario), "--json", *sets])


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("parallelism.tensor=0", "parallelism.tensor: got 0, expected more than 0"),
        ("parallelism.tensor=-8", "parallelism.tensor: got -8"),
        ("parallelism.tensor=8.5", "parallelism.tensor: got 8.5, expected a whole number"),
        ("parallelism.tensor=true", "parallelism.tensor: got True, expected a whole number"),
        ("parallelism.tensor=eight", "parallelism.tensor: got 'eight'"),
        ("parallelism.tensor=3", "parallelism.tensor: 3 does not divide model.heads = 128; nearest that does: 2 or 4"),
        ("parallelism.tensor=9007199254740992", "nearest that does: 128"),
        ("parallelism.pipeline=1e15", "more than the job's 128 nodes x 8 = 1,024 GPUs; nearest is pipeline = 128"),
        ("parallelism.context=1048576", "expected a product that divides 1,024"),
        ("parallelism.data=3", "nearest is data = 8"),
        ("parallelism.tensr=8", "did you mean 'tensor'?"),
        ("parallelism=8", "parallelism: got 8, expected a table"),
        ("parallelism.schedule=zb-h1", 'expected a table such as { kind = "zb-h1" }'),
        ("parallelism.schedule={chunks = 4}", "parallelism.schedule.kind: is missing"),
        ('parallelism.schedule={kind = "1F1B"}', "did you mean '1f1b'?"),
        ('parallelism.schedule={kind = "zb-v", chunks = 3}', "a stage of zb-v holds 2; expected 2"),
        ("parallelism.schedule.chunks=9", "16 stages x 9 chunks are more than the 126 layers"),
        ("parallelism.schedule.chunks=1000000000", "nearest that they fill: 8"),
        ("parallelism.order=tp-cp-ep-dp-pp", "did you mean 'tensor', as in tensor-context-data-pipeline?"),
        ("parallelism.order=tensor-data-tensor-context", "lacks pipeline and names tensor twice"),
        ("parallelism.sharding=zero4", "did you mean 'zero3'?"),
        ("parallelism.expert=4", "llama3-405b has no experts; expected 1"),
        ("parallelism.context_exchange=ring", "nothing is exchanged with context = 1"),
        ("parallelism.shard=8", "sharding 'zero2' ignores it; expected sharding 'hsdp'"),
        ("training.global_batch=1", "1 is no multiple of data x micro_batch = 8 x 1 = 8; nearest that is: 8"),
        ("training.global_batch=1e18", "training.global_batch: got 1000000000000000000, expected at most"),
        ("training.micro_batch=7", "training.micro_batch: 7 does not divide global_batch / data = 256 / 8 = 32"),
        ("training.sequence_length=8191", "8191 is no multiple of the 8 pieces"),
        ("training.sequence_length=1e15", "expected at most the 131,072 positions"),
        ("training.precision=fp7", "did you mean 'fp8'?"),
        ('training.recompute={kind = "full", layers = 1000}', "none holds more than 2; nearest is 2"),
        ("training.tokens=0.5", "training.tokens: got 0.5, expected a whole number"),
        (
            'training.phases=[{name = "a", tokens = 5e11}, {name = "a", tokens = 5e11}]',
            "training.phases.1.name: got 'a' a second time, expected each name once",
        ),
        ("training.expert_imbalance=2", "llama3-405b has no experts"),
        ("model.layers=1e12", "model.layers: got 1,000,000,000,000, expected at most 100,000"),
        ('training.recompute=["moe_act"]', "llama3-405b has no 'moe_act': it has no experts; expected modules of:"),
        ('training.recompute=["mla_up_proj"]', "llama3-405b has no 'mla_up_proj': it has no latent attention (mla)"),
        (
            'cluster.network={routing = "ecmp", queue_pairs = 1000000000}',
            "cluster.network.queue_pairs: got 1000000000, expected at most 128",
        ),
        ("cluster.speed=1.2", "cluster.speed: got 1.2, expected a table"),
        ("cluster.speed.spread=nan", "cluster.speed.spread: 'nan'"),
        ("cluster.speed.spread=30", "cluster.speed.spread: got 30, expected at most 1"),
        ("cluster.speed.distribution=gamma", "unknown distribution 'gamma'"),
        ("cluster.speed.slow_nodes=17", "cluster.speed.slow_nodes: got 17, expected a list"),
        ("cluster.speed.slow_nodes=[17]", "cluster.speed.slow_nodes.0: got 17, expected a table"),
        ("cluster.speed.slow_nodes=[{node = 128, factor = 2}]", "got 128, expected 0 to 127, a node of the job"),
        ("cluster.speed.slow_nodes=[{node = 1, factor = 2, gpu = 3}]", "unknown key 'gpu'. Known: factor, node"),
        ("cluster.speed.throttle=0.02", "cluster.speed.throttle: got 0.02, expected a table"),
        ("cluster.speed.throttle.fraction=0.02", "cluster.speed.throttle.factor: is missing"),
        ("cluster.speed.throttle={fraction = 0.1, factor = nan}", "throttle.factor: got nan, expected a finite number"),
        ("cluster.placement=random", 'expected a table such as { kind = "random" }'),
        ("cluster.placement.kind=rail-aligned", "placement 'rail-aligned' is not modelled yet"),
    ],
)
def test_a_wrong_input_is_one_line_and_exit_code_2(scenario: Path, override: str, expected: str) -> None:
    result = step(scenario, override)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model.layers=61", 'parallelism.schedule={kind = "1f1b"}'],
        ["model.layers=61", "parallelism.schedule.chunks=3"],
    ],
)
def test_stages_of_unequal_layers_are_simulated(scenario: Path, overrides: list[str]) -> None:
    result = step(scenario, *overrides)
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["memory"]["fits"]
    assert answer["waterfall"]["imbalance"] > 0
    assert sum(answer["waterfall"].values()) == pytest.approx(1)
