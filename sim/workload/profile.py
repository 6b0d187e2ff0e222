"""The StepProfile: what one simulated optimizer step cost, as exact integers, and what it computed."""

from collections.abc import Mapping
from dataclasses import dataclass

STEP_STATES = (
    "compute_ideal",
    "kernel_inefficiency",
    "recompute",
    "optimizer",
    "bubble",
    "comm_tensor",
    "comm_context",
    "comm_expert",
    "comm_pipeline",
    "comm_data",
    "imbalance",
    "straggler",
    "input_stall",
    "throttle",
)
"""States of a GPU inside a step, mutually exclusive and exhaustive (exposed communication only)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMemory:
    """Peak memory of one GPU of a pipeline stage, in bytes."""

    stage: int
    parameters: float
    gradients: float
    optimizer: float
    activations: float
    buffers: float

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return self.parameters + self.gradients + self.optimizer + self.activations + self.buffers


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProfile:
    """One optimizer step of a job.

    state_ns: nanoseconds per state summed over the stages of one representative replica; the sum over
    states equals stages x step_time_ns exactly. Every GPU of a stage is in its stage's state.
    model_flops: FLOP of the whole job by the convention 6 N + causal attention; model_flops_full: with full attention;
    executed_flops: what the kernels execute (with recomputation). peak_flops_per_s: dense peak of one GPU
    at the training precision; peak_bf16_flops_per_s beside it.
    """

    step_time_ns: int
    stages: int
    gpus: int
    tokens: int
    state_ns: Mapping[str, int]
    model_flops: float
    model_flops_full: float
    executed_flops: float
    peak_flops_per_s: float
    peak_bf16_flops_per_s: float
    memory: tuple[StageMemory, ...] = ()
    capacity_bytes: float = 0.0

    @property
    def step_time_s(self) -> float:
        """Duration of the step in seconds."""
        return self.step_time_ns * 1e-9

    @property
    def mfu(self) -> float:
        """Model FLOP utilisation: model FLOP / (GPUs x peak x step time)."""
        return self.model_flops / (self.gpus * self.peak_flops_per_s * self.step_time_s)

    @property
    def hfu(self) -> float:
        """Hardware FLOP utilisation: executed FLOP / (GPUs x peak x step time)."""
        return self.executed_flops / (self.gpus * self.peak_flops_per_s * self.step_time_s)

    @property
    def bubble_fraction(self) -> float:
        """Idle (bubble, and imbalance of stages and experts) over stages x step time."""
        return self.fraction("bubble") + self.fraction("imbalance")

    def fraction(self, state: str) -> float:
        """Fraction of the step's GPU time in a state."""
        return self.state_ns.get(state, 0) / (self.stages * self.step_time_ns)
