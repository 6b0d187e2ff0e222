"""The parallel layout of a job and its batch: how ranks divide a model and are numbered, and what one of them holds."""

from dataclasses import dataclass

from sim.catalog.records import Model
from sim.workload.transformer import kv_head_width

CONTEXT_EXCHANGES = ("ring", "all-gather", "all-to-all")
"""How a context group shares attention: keys and values go around or are gathered, or heads for all positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A pipeline schedule: its kind, and the model chunks that each stage holds."""

    kind: str = "1f1b"
    chunks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Degrees of parallelism; ranks are numbered tensor innermost, then context, pipeline and data.

    Rank = ((d x pipeline + p) x context + c) x tensor + t. Experts are divided among `expert` groups of `expert_tensor`
    GPUs each, folded into the tensor, context and data ranks of a stage in that order (arXiv 2504.14960).
    context_exchange: "ring" or "all-gather" of keys and values, "all-to-all" of heads, "" as the software does. order:
    dimensions of a rank's number, innermost first, () as the software does. prefetch, reshard_after_forward: of zero3
    and hsdp, layers gathered ahead and whether they are freed after a forward; shard: GPUs of a shard group, hsdp only.
    optimizer_sync: whether stages meet before the optimizer ("global-norm") or not ("post-validation").

    >>> Layout(tensor=8, pipeline=16, data=128).gpus
    16384
    """

    tensor: int = 1
    context: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    expert_tensor: int = 1
    context_exchange: str = ""
    order: tuple[str, ...] = ()
    schedule: Schedule = Schedule()
    sharding: str = "ddp"
    prefetch: int = 1
    reshard_after_forward: bool = True
    shard: int = 0
    optimizer_sync: str = "global-norm"
    sequence_parallel: bool = False

    @property
    def gpus(self) -> int:
        """GPUs of the job."""
        return self.tensor * self.context * self.pipeline * self.data

    @property
    def expert_data(self) -> int:
        """Copies of every routed expert."""
        return self.tensor * self.context * self.data // (self.expert * self.expert_tensor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One optimizer step's input and how it is computed. global_batch counts sequences.

    recompute: none, selective (recompute_modules, by default the attention core) or full (of each chunk's first
    recompute_layers layers, by default all). expert_imbalance: routed tokens of the busiest GPU over the mean.
    """

    sequence_length: int
    global_batch: int
    micro_batch: int = 1
    precision: str = "bf16"
    recompute: str = "none"
    recompute_modules: tuple[str, ...] = ()
    recompute_layers: int | None = None
    expert_imbalance: float = 1.0

    @property
    def tokens(self) -> int:
        """Tokens per optimizer step."""
        return self.sequence_length * self.global_batch


def local_tokens(batch: Batch, layout: Layout) -> int:
    """Return the tokens of a microbatch that one GPU works on: a context-parallel group divides the sequence.

    >>> local_tokens(Batch(sequence_length=8192, global_batch=4, micro_batch=2), Layout(context=4))
    4096
    """
    return batch.micro_batch * batch.sequence_length // layout.context


def norm_tokens(tokens: int, layout: Layout) -> int:
    """Return the tokens that one GPU normalises: its shard of the sequence where that is divided."""
    return tokens // layout.tensor if layout.sequence_parallel else tokens


def routed_rows(model: Model, batch: Batch, layout: Layout) -> float:
    """Return the tokens that the busiest GPU's experts work on, each counted once for each of its experts there.

    Every GPU sends its own tokens to experts_per_token experts, and the ranks that share an expert all work on its
    tokens; without sequence parallelism the ranks of a tensor group hold the same tokens.

    >>> from sim.workload.examples import mixture
    >>> model = mixture(layers=1, hidden=8, experts=4, experts_per_token=2)
    >>> routed_rows(model, Batch(sequence_length=32, global_batch=4), Layout(data=4, expert=4))
    64.0
    """
    # Where all ranks of a tensor group share every expert, together they hold its tokens once.
    copies = layout.expert_tensor / layout.tensor
    return local_tokens(batch, layout) * copies * model.experts_per_token * batch.expert_imbalance


def local_kv_heads(model: Model, layout: Layout) -> int:
    """Return the key-value heads of one GPU; more ranks than heads hold copies of them."""
    return max(1, model.kv_heads // layout.tensor)


def local_kv_width(model: Model, layout: Layout) -> int:
    """Return the width of keys and values on one GPU."""
    return local_kv_heads(model, layout) * kv_head_width(model)
