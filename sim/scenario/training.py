"""From the form to what is trained: the model, and phases with their batch and layout."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from math import lcm
from typing import Any

from sim import catalog
from sim.catalog.records import Model, Provenance
from sim.cluster.placement import check_order
from sim.errors import InputError, LayoutError, ScenarioError
from sim.scenario.form import ModelForm, ParallelismForm, PhaseForm, ScenarioForm, TrainingForm
from sim.scenario.lookup import look_up
from sim.scenario.records import Machines, Phase, Training
from sim.workload.layout import Batch, Layout, Schedule
from sim.workload.layout_checks import check_layout, check_tensor
from sim.workload.pipelines import SCHEDULES
from sim.workload.recompute import check_modules
from sim.workload.sharding import SHARDINGS, check_sharding

_DENSE_SHAPE = (
    *("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn_hidden"),
    *("gated_ffn", "vocab", "tied_embeddings", "attention"),
)
"""What a model without a preset has to say."""

MOST_OPERATIONS = 1 << 20
"""Forwards and backwards of one replica's step: seconds of simulation, and a gigabyte."""

MOST_LAYERS = 100_000
"""Layers of a model: what can be dealt to stages one by one."""

_MIXTURE = ("experts_per_token", "shared_experts", "expert_ffn_hidden", "dense_layers", "expert_nodes")
_LATENT = ("kv_lora_rank", "q_lora_rank", "rope_head_dim", "v_head_dim")


def training_of(form: ScenarioForm, machines: Machines) -> Training | None:
    """Return what is trained, or None where a step time is given instead of a model.

    Raises ScenarioError for keys that need a model, UnknownNameError, LayoutError.
    """
    if form.model is None:
        _refuse_without_model(form)
        return None
    if form.training.step_time is not None:
        raise ScenarioError("training.step_time: stands for a model's step; expected it or [model], not both")
    missing = [
        key
        for key, value in (("training.software", form.training.software), ("cluster.topology", machines.topology))
        if value is None
    ]
    if missing:
        raise ScenarioError("\n".join(f"{key}: is missing; a model's step needs it" for key in missing))
    model = model_of(form.model, form.name)
    _check_tensors(form, model)
    software = look_up(catalog.software, str(form.training.software), "training.software")
    phases = phases_of(form, machines)
    _refuse_unread(form, model)
    for index, phase in enumerate(phases):
        try:
            _check_operations(phase, model)
            check_layout(model, phase.batch, phase.layout, machines.accelerator)
            check_modules(model, phase.batch, software)
            check_sharding(phase.layout)
        except InputError as error:
            where = f"training.phases.{index} ({phase.name}): " if form.training.phases else ""
            raise type(error)(f"{where}{error}") from None
    return Training(
        model=model,
        software=software,
        phases=phases,
    )


def _check_tensors(form: ScenarioForm, model: Model) -> None:
    """Refuse degrees of tensor parallelism that do not divide the model, before anything is derived from them."""
    asked = {"": form.parallelism}
    asked |= {f"training.phases.{i}.": phase.parallelism for i, phase in enumerate(form.training.phases)}
    for where, parallelism in asked.items():
        if parallelism is not None and "tensor" in parallelism.model_fields_set:
            try:
                check_tensor(model, parallelism.tensor)
            except LayoutError as error:
                raise LayoutError(f"{where}{error}") from None


def _refuse_unread(form: ScenarioForm, model: Model) -> None:
    """Refuse keys of [parallelism], or of a phase's, that this model or layout would not read."""
    base = form.parallelism or ParallelismForm()
    phases = [_overridden(base, phase.parallelism) for phase in form.training.phases]
    asked = {"parallelism": (base, max([phase.context for phase in phases], default=base.context))}
    for i, phase in enumerate(form.training.phases):
        if phase.parallelism is not None:
            asked[f"training.phases.{i}.parallelism"] = (phase.parallelism, phases[i].context)
    for where, (parallelism, context) in asked.items():
        if parallelism.expert_tensor is not None and not model.experts:
            raise LayoutError(f"{where}.expert_tensor: {model.name} has no experts; expected no expert_tensor")
        if parallelism.context_exchange is not None and context == 1:
            raise LayoutError(f"{where}.context_exchange: nothing is exchanged with context = 1; expected context > 1")


def model_of(form: ModelForm, scenario: str) -> Model:
    """Return the catalog's model with the overrides of the form, or one of the form's own fields.

    >>> model_of(ModelForm(preset="llama3-8b", layers=16), "half").layers
    16
    """
    given = {name: value for name in form.model_fields_set - {"preset"} if (value := getattr(form, name)) is not None}
    own = {name: Provenance(source=f"scenario {scenario}", date="", kind="assumed") for name in sorted(given)}
    if form.preset is not None:
        base = look_up(catalog.model, form.preset, "model.preset")
        changed = {name: value for name, value in given.items() if value != getattr(base, name)}
        name = f"{base.name}, changed" if changed else base.name
        model = replace(base, **changed, name=name, sources={**base.sources, **{k: own[k] for k in sorted(changed)}})
    else:
        missing = [name for name in _DENSE_SHAPE if name not in given]
        if missing:
            raise ScenarioError(f"model: got no preset, and no {', '.join(missing)}; expected a preset or every field")
        model = Model(name=scenario, sources=own, **given)
    _check_model(model)
    return model


def phases_of(form: ScenarioForm, machines: Machines) -> tuple[Phase, ...]:
    """Return the phases of training, each with its own batch and layout; without any, one phase named "main".

    Raises ScenarioError when the tokens of the phases are not those of the whole, LayoutError for a bad layout.
    """
    training, parallelism = form.training, form.parallelism or ParallelismForm()
    if not training.phases:
        batch, layout = _batch(training, None, "training"), layout_of(parallelism, machines, "parallelism")
        return (Phase(name="main", tokens=training.tokens, batch=batch, layout=layout),)
    names = [phase.name for phase in training.phases]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ScenarioError(f"training.phases.{i}.name: got '{name}' a second time, expected each name once")
    total = sum(phase.tokens for phase in training.phases)
    if training.tokens is not None and total != training.tokens:
        raise ScenarioError(f"training.tokens: got {training.tokens:,}, but the phases sum to {total:,}")
    return tuple(
        Phase(
            name=phase.name,
            tokens=phase.tokens,
            batch=_batch(training, phase, f"training.phases.{i}"),
            layout=layout_of(
                _overridden(parallelism, phase.parallelism),
                machines,
                f"training.phases.{i}.parallelism" if phase.parallelism else "parallelism",
            ),
        )
        for i, phase in enumerate(training.phases)
    )


def layout_of(form: ParallelismForm, machines: Machines, key: str) -> Layout:
    """Return a layout that uses every GPU of the job; the data degree follows from the others unless it is given."""
    return Layout(
        tensor=form.tensor,
        context=form.context,
        pipeline=form.pipeline,
        data=_data_degree(form, machines, key),
        expert=form.expert,
        # Unless it is said otherwise, experts are divided among a tensor group as everything else is.
        expert_tensor=form.tensor if form.expert_tensor is None else form.expert_tensor,
        context_exchange=form.context_exchange or "",
        order=_order(form, key),
        schedule=_schedule(form, key),
        sharding=form.sharding,
        **_sharding_keys(form, machines, key),
        optimizer_sync=form.optimizer_sync,
        sequence_parallel=form.sequence_parallel,
    )


def _order(form: ParallelismForm, key: str) -> tuple[str, ...]:
    if form.order is None:
        return ()
    check_order(form.order, f"{key}.order")
    return tuple(form.order)


def _sharding_keys(form: ParallelismForm, machines: Machines, key: str) -> dict[str, Any]:
    """Return what a kind of sharding reads beside its name; refuse what this one would ignore."""
    read = {"prefetch", "reshard_after_forward"} if SHARDINGS[form.sharding].parameters else set()
    read |= {"shard"} if form.sharding == "hsdp" else set()
    defaults = {"prefetch": 1, "reshard_after_forward": True, "shard": machines.node.accelerators}
    given = {name: value for name in defaults if (value := getattr(form, name)) is not None}
    stray = sorted(given.keys() - read)
    if stray:
        expected = "sharding 'hsdp'" if stray == ["shard"] else "sharding 'zero3' or 'hsdp'"
        raise ScenarioError(
            f"{key}.{stray[0]}: got {given[stray[0]]!r}, but sharding '{form.sharding}' ignores it; expected {expected}"
        )
    return {name: given.get(name, defaults[name]) for name in read}


def _schedule(form: ParallelismForm, key: str) -> Schedule:
    """Return a schedule with as many chunks as its kind holds, unless they are given."""
    kind = SCHEDULES[form.schedule.kind]
    chunks = form.schedule.chunks or kind.chunks
    if kind.chunks == 0 and chunks < 2 and form.pipeline > 1:
        got = "is missing" if form.schedule.chunks is None else "got 1, which interleaves nothing"
        raise LayoutError(f"{key}.schedule.chunks: {got}; expected 2 or more chunks a stage, or kind '1f1b'")
    chunks = chunks or 1
    if kind.chunks not in (0, chunks):
        raise LayoutError(
            f"{key}.schedule.chunks: got {chunks}, but a stage of {form.schedule.kind} holds {kind.chunks}; "
            f"expected {kind.chunks}, or kind 'interleaved'"
        )
    return Schedule(kind=form.schedule.kind, chunks=chunks)


def _data_degree(form: ParallelismForm, machines: Machines, key: str) -> int:
    replica, gpus = form.tensor * form.context * form.pipeline, machines.gpus
    job = f"{machines.nodes:,} nodes x {machines.node.accelerators} = {gpus:,} GPUs"
    context = f" x context {form.context}" if form.context > 1 else ""
    degrees = f"tensor {form.tensor}{context} x pipeline {form.pipeline}"
    if replica > gpus:
        stages = max((n for n in range(1, gpus + 1) if gpus % (n * form.tensor * form.context) == 0), default=0)
        nearest_fit = f"nearest is pipeline = {stages}" if stages else f"expected a product that divides {gpus:,}"
        raise LayoutError(f"{key}: {degrees} = {replica:,} GPUs a replica are more than the job's {job}; {nearest_fit}")
    nearest = max(round(gpus / replica), 1)
    if gpus % replica:
        raise LayoutError(
            f"{key}: {degrees} = {replica:,} GPUs a replica does not divide the job's {job}; "
            f"nearest that does: {_dividing(form, gpus)}{_whole_nodes(replica, machines)}"
        )
    data = gpus // replica if form.data is None else form.data
    if replica * data != gpus:
        raise LayoutError(
            f"{key}: {degrees} x data {data} = {replica * data:,} GPUs, but the job has {job}; "
            f"nearest is data = {nearest}"
        )
    return data


def _dividing(form: ParallelismForm, gpus: int) -> str:
    """Return the nearest pipeline under which replicas divide the job, or else what must divide it."""
    stage = form.tensor * form.context
    if gpus % stage:
        return f"none for tensor x context = {stage:,}, which must divide it"
    fitting = [stages for stages in range(1, gpus // stage + 1) if gpus // stage % stages == 0]
    return f"pipeline = {min(fitting, key=lambda stages: (abs(stages - form.pipeline), stages))}"


def _whole_nodes(replica: int, machines: Machines) -> str:
    """Return the nearest number of nodes that replicas fill."""
    unit = lcm(replica, machines.node.accelerators) // machines.node.accelerators
    return f", or cluster.nodes = {max(round(machines.nodes / unit), 1) * unit:,}"


def _overridden(base: ParallelismForm, over: ParallelismForm | None) -> ParallelismForm:
    """Return the parallelism of a phase: key by key over the scenario's; new degrees derive a new data degree."""
    if over is None:
        return base
    changes = {name: getattr(over, name) for name in over.model_fields_set}
    if changes.keys() & {"tensor", "context", "pipeline"}:
        changes.setdefault("data", None)
    return base.model_copy(update=changes)


def _batch(training: TrainingForm, phase: PhaseForm | None, key: str) -> Batch:
    chosen = {
        name: own if phase is not None and (own := getattr(phase, name)) is not None else getattr(training, name)
        for name in ("sequence_length", "global_batch", "micro_batch")
    }
    missing = [name for name in ("sequence_length", "global_batch") if chosen[name] is None]
    if missing:
        raise ScenarioError("\n".join(f"{key}.{name}: is missing; a model's step needs it" for name in missing))
    recompute = training.recompute if phase is None or phase.recompute is None else phase.recompute
    return Batch(
        precision=training.precision,
        expert_imbalance=training.expert_imbalance,
        recompute=recompute.kind,
        recompute_modules=tuple(recompute.modules),
        recompute_layers=recompute.layers,
        **chosen,
    )


def _check_operations(phase: Phase, model: Model) -> None:
    """Refuse a step of more operations than a simulation holds; where layers are gathered each counts."""
    batch, layout = phase.batch, phase.layout
    microbatches = batch.global_batch // (layout.data * batch.micro_batch)
    passes = 2 * layout.pipeline * layout.schedule.chunks
    by_layer = SHARDINGS[layout.sharding].parameters
    most = MOST_OPERATIONS // (max(passes, 2 * model.layers) if by_layer else passes)
    # More chunks than that have no layer each, which is refused as such.
    if microbatches > most > 0:
        raise LayoutError(
            f"training.global_batch: got {batch.global_batch:,}, which is {microbatches:,} microbatches a replica; "
            f"expected at most {most:,} on {layout.pipeline} stages x {layout.schedule.chunks} chunks"
            + (f", {model.layers} layers gathered one by one" if by_layer else "")
        )


def _check_model(model: Model) -> None:
    if model.layers > MOST_LAYERS:
        raise ScenarioError(f"model.layers: got {model.layers:,}, expected at most {MOST_LAYERS:,}")
    _check_mixture(model)
    _check_latent(model)
    _check_windows(model)
    if model.heads % model.kv_heads:
        raise ScenarioError(f"model.kv_heads: got {model.kv_heads}, expected a divisor of heads = {model.heads}")
    if model.attention == "mha" and model.heads != model.kv_heads:
        raise ScenarioError(
            f"model.kv_heads: got {model.kv_heads} with mha, expected heads = {model.heads}, or attention 'gqa'"
        )


def _check_mixture(model: Model) -> None:
    """Refuse a mixture that lacks a number, and numbers of one where there are no experts."""
    if not model.experts:
        stray = [name for name in _MIXTURE if getattr(model, name)]
        if stray:
            raise ScenarioError(f"model.{stray[0]}: needs experts; expected model.experts, or no {stray[0]}")
        return
    if not 1 <= model.experts_per_token <= model.experts:
        raise ScenarioError(
            f"model.experts_per_token: got {model.experts_per_token}, expected 1 to experts = {model.experts}"
        )
    if not model.expert_ffn_hidden:
        raise ScenarioError("model.expert_ffn_hidden: is missing; a model with experts needs it")
    if model.expert_nodes > model.experts_per_token:
        raise ScenarioError(
            f"model.expert_nodes: got {model.expert_nodes}, expected at most experts_per_token = "
            f"{model.experts_per_token}, or 0 for any"
        )
    if model.dense_layers >= model.layers:
        raise ScenarioError(
            f"model.dense_layers: got {model.dense_layers} of {model.layers} layers, expected fewer, or no experts"
        )


def _check_windows(model: Model) -> None:
    """Refuse a window without layers, and layers without one."""
    if bool(model.sliding_window) != bool(model.windowed_layers) or model.windowed_layers > model.layers:
        raise ScenarioError(
            f"model.windowed_layers: got {model.windowed_layers} of {model.layers} layers with a sliding_window of "
            f"{model.sliding_window}; expected both, or neither"
        )


def _check_latent(model: Model) -> None:
    """Refuse latent attention without its latents, and latents without latent attention."""
    if model.attention == "mla":
        missing = [name for name in ("kv_lora_rank", "rope_head_dim") if not getattr(model, name)]
        if missing:
            raise ScenarioError(f"model.{missing[0]}: is missing; latent attention (mla) needs it")
    elif stray := [name for name in _LATENT if getattr(model, name)]:
        raise ScenarioError(f"model.{stray[0]}: got {getattr(model, stray[0])} with {model.attention}; expected 'mla'")


def _refuse_without_model(form: ScenarioForm) -> None:
    """Refuse a scenario that has no step time either, and every key that only a model's step would read."""
    if form.training.step_time is None:
        raise ScenarioError("scenario: got neither [model] nor training.step_time; expected one of them")
    stray = sorted(chain(_stray_training(form), _stray_cluster(form)))
    if stray:
        raise ScenarioError("\n".join(f"{key}: needs a [model]; with step_time nothing reads it" for key in stray))


def _stray_training(form: ScenarioForm) -> Iterator[str]:
    yield from (f"training.{name}" for name in form.training.model_fields_set - {"step_time"})
    if form.parallelism is not None:
        yield "parallelism"


_NEED_A_MODEL = {"placement", "network", "health", "gemm_table"}
"""Keys of [cluster] that only a step reads."""


def _stray_cluster(form: ScenarioForm) -> Iterator[str]:
    yield from (f"cluster.{name}" for name in form.cluster.model_fields_set & _NEED_A_MODEL)
    said = form.cluster.speed.model_fields_set
    if "speed" in form.cluster.model_fields_set and said != {"diurnal"}:
        yield "cluster.speed" if "diurnal" not in said else f"cluster.speed.{min(said - {'diurnal'})}"
