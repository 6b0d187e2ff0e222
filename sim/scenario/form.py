"""The form that a user fills in: every key of a scenario, its type and its default; cross-checks come after.

Field names are the TOML keys. A key that is not here is an error that names the nearest.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from sim.cluster.placement import PLACEMENTS
from sim.scenario.billing import CostForm
from sim.scenario.faults.checkpoint import CheckpointForm
from sim.scenario.faults.domains import DomainName, DomainSizeForm
from sim.scenario.faults.failures import FailuresForm
from sim.scenario.faults.recovery import RecoveryForm
from sim.scenario.faults.repair import RepairForm
from sim.scenario.fields import (
    Count,
    CountOrZero,
    FileName,
    IsoDate,
    Name,
    NodeCount,
    OneOf,
    PositiveTime,
    SpareCount,
    refuse,
)
from sim.scenario.front_end import FrontEndForm
from sim.scenario.health import HealthForm
from sim.scenario.laws import CLOSED
from sim.scenario.sharing import NetworkForm
from sim.scenario.speed import SpeedForm
from sim.scenario.topology import TopologyForm
from sim.workload.layout import CONTEXT_EXCHANGES
from sim.workload.pipelines import SCHEDULES
from sim.workload.recompute import MODULES
from sim.workload.sharding import SHARDINGS

FIGURES = (
    *("wall_time_s", "steps", "step_mfu", "effective_mfu", "goodput", "allocation", "ettr", "gpu_hours"),
    *("job_gpu_hours", "failures", "interruptions", "cost_usd", "energy_kwh", "co2e_kg"),
    *("step_time_s", "mfu", "hfu", "mfu_full_attention", "mfu_bf16_peak", "flops_per_s_per_gpu"),
    *("tokens_per_s_per_gpu", "bubble_fraction"),
)
"""Keys of `run --json` and `step --json` that a published figure can stand beside."""


class ModelForm(BaseModel):
    """[model]: a catalog entry, any field of which can be overridden, or all fields."""

    model_config = CLOSED
    preset: str | None = None
    layers: Count | None = None
    hidden: Count | None = None
    heads: Count | None = None
    kv_heads: Count | None = None
    head_dim: Count | None = None
    ffn_hidden: Count | None = None
    gated_ffn: bool | None = None
    vocab: Count | None = None
    tied_embeddings: bool | None = None
    attention: Annotated[str, OneOf(what="attention", known=("mha", "gqa", "mla"))] | None = None
    experts: CountOrZero | None = None
    experts_per_token: CountOrZero | None = None
    shared_experts: CountOrZero | None = None
    expert_ffn_hidden: CountOrZero | None = None
    dense_layers: CountOrZero | None = None
    kv_lora_rank: CountOrZero | None = None
    q_lora_rank: CountOrZero | None = None
    rope_head_dim: CountOrZero | None = None
    v_head_dim: CountOrZero | None = None
    expert_nodes: CountOrZero | None = None
    mtp_layers: CountOrZero | None = None
    sliding_window: CountOrZero | None = None
    windowed_layers: CountOrZero | None = None
    parallel_block: bool | None = None
    max_position: CountOrZero | None = None


class ScheduleForm(BaseModel):
    """The pipeline schedule; chunks: model chunks a stage, which only the interleaved kind leaves open."""

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="schedule", known=tuple(SCHEDULES))]
    chunks: Count | None = None


def _names(value: Any) -> Any:
    """Read "tensor-context-data-pipeline" as a list of names."""
    return value.split("-") if isinstance(value, str) else value


class ParallelismForm(BaseModel):
    """[parallelism], also of a phase, where it overrides key by key.

    order: dimensions of a rank's number, innermost first, joined by "-" or as a list; by default as the software does.
    prefetch and reshard_after_forward: of zero3 and hsdp; shard: of hsdp, by default the GPUs of a node.
    optimizer_sync: whether stages meet before the optimizer, for the gradient norm, or validate afterwards.
    """

    model_config = CLOSED
    tensor: Count = 1
    pipeline: Count = 1
    context: Count = 1
    expert: Count = 1
    expert_tensor: Count | None = None
    order: Annotated[list[str], BeforeValidator(_names)] | None = None
    context_exchange: Annotated[str, OneOf(what="context exchange", known=CONTEXT_EXCHANGES)] | None = None
    data: Count | None = None
    schedule: ScheduleForm = ScheduleForm(kind="1f1b")
    sharding: Annotated[str, OneOf(what="sharding", known=tuple(SHARDINGS))] = "ddp"
    prefetch: CountOrZero | None = None
    reshard_after_forward: bool | None = None
    shard: Count | None = None
    optimizer_sync: Annotated[str, OneOf(what="optimizer_sync", known=("global-norm", "post-validation"))] = (
        "global-norm"
    )
    sequence_parallel: bool = False


class RecomputeForm(BaseModel):
    """What is recomputed: nothing, modules (by default the attention core), or layers as a whole (by default all)."""

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="recompute", known=("none", "selective", "full"))]
    modules: list[Annotated[str, OneOf(what="module", known=tuple(MODULES))]] = []
    layers: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, value: Any) -> Any:
        """Read a bare kind, or a list of modules."""
        if isinstance(value, str):
            return {"kind": value}
        if isinstance(value, list):
            return {"kind": "selective", "modules": value} if value else {"kind": "none"}
        return value

    @model_validator(mode="after")
    def _check_read(self) -> "RecomputeForm":
        if self.modules and self.kind != "selective":
            raise refuse(f"kind '{self.kind}' names no modules; expected none, or kind 'selective'")
        if self.layers is not None and self.kind != "full":
            raise refuse(f"kind '{self.kind}' counts no layers; expected none, or kind 'full'")
        return self


class PhaseForm(BaseModel):
    """[[training.phases]]: a stretch of tokens with what it overrides."""

    model_config = CLOSED
    name: Name
    tokens: Count
    sequence_length: Count | None = None
    global_batch: Count | None = None
    micro_batch: Count | None = None
    recompute: RecomputeForm | None = None
    parallelism: ParallelismForm | None = None


class TrainingForm(BaseModel):
    """[training]; step_time stands for all other keys where there is no model."""

    model_config = CLOSED
    tokens: Count | None = None
    sequence_length: Count | None = None
    global_batch: Count | None = None
    micro_batch: Count = 1
    precision: str = "bf16"
    recompute: RecomputeForm = RecomputeForm(kind="none")
    expert_imbalance: Annotated[float, Field(ge=1)] = 1.0
    software: str | None = None
    step_time: PositiveTime | None = None
    phases: list[PhaseForm] = []


class PlacementForm(BaseModel):
    """Where ranks sit."""

    model_config = CLOSED
    kind: Annotated[str, OneOf(what="placement", known=PLACEMENTS, later=("rail-aligned",))]


class ClusterForm(BaseModel):
    """[cluster]; gemm_table: a CSV file of products measured on the user's own accelerators.

    domains: what failure domains hold, where the graph does not say it.
    """

    model_config = CLOSED
    node: str
    nodes: NodeCount
    spare_nodes: SpareCount = 0
    node_gpus: Count | None = None
    nic_ports: Annotated[Count, Field(description="ports of each NIC, each with its part of the bandwidth")] = 1
    domain_gpus: Count | None = None
    topology: TopologyForm | None = None
    placement: PlacementForm = PlacementForm(kind="packed")
    network: NetworkForm = NetworkForm()
    health: HealthForm | None = None
    domains: dict[DomainName, DomainSizeForm] = {}
    speed: SpeedForm = SpeedForm()
    storage: str | None = None
    front_end: FrontEndForm | None = None
    gemm_table: Name | None = None
    cooling: str = "air"


class RunForm(BaseModel):
    """[run]: limits, seed and the date of the first day."""

    model_config = CLOSED
    horizon: PositiveTime | None = None
    work: PositiveTime | None = None
    seed: CountOrZero = 1
    start: IsoDate | None = None


class FigureForm(BaseModel):
    """One published figure of the run that a scenario imitates; its name is a key of `run --json` or `step --json`."""

    model_config = CLOSED
    value: float
    unit: str
    source: str = Field(min_length=1)


FigureName = Annotated[str, OneOf(what="figure", known=FIGURES)]


class PublishedForm(BaseModel):
    """[published]: figures to compare with, and what they hold that the scenario does not (gap); no input of a run."""

    model_config = CLOSED
    figures: dict[FigureName, FigureForm] = Field(min_length=1)
    gap: list[str] = []


class CalibrationForm(BaseModel):
    """[calibration]; anchor: a file of step times that the user measured, which correct the level of this scenario."""

    model_config = CLOSED
    anchor: Name


class MeasuredForm(BaseModel):
    """[[measured]] of an anchor file: a step time, and of what; by default of the scenario that names the file."""

    model_config = CLOSED
    step_time: PositiveTime
    source: Name
    scenario: Name | None = None
    overrides: list[str] = []


class AnchorForm(BaseModel):
    """An anchor file."""

    model_config = CLOSED
    measured: list[MeasuredForm] = Field(min_length=1)


class ScenarioForm(BaseModel):
    """A scenario."""

    model_config = CLOSED
    name: FileName
    model: ModelForm | None = None
    training: TrainingForm = TrainingForm()
    parallelism: ParallelismForm | None = None
    cluster: ClusterForm
    failures: FailuresForm | None = None
    recovery: RecoveryForm | None = None
    repair: RepairForm | None = None
    checkpoint: CheckpointForm | None = None
    cost: CostForm | None = None
    run: RunForm = RunForm()
    calibration: CalibrationForm | None = None
    published: PublishedForm | None = None
