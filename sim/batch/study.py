"""A study: a question, a base scenario, and the variants of it whose comparison answers; read from a TOML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.batch.compare import Comparison, Progress, compare
from sim.batch.design.forms import HintsForm, StudyForm, UntilForm
from sim.batch.design.points import product_of
from sim.batch.metrics import METRICS
from sim.batch.selecting import Best, best_of
from sim.batch.variants import Variant, axis_of, toml_text, variants_of
from sim.errors import InputError, ScenarioError, unknown_name
from sim.scenario import scenario_names
from sim.scenario.messages import error_lines
from sim.scenario.source import read_toml

REPLICAS = 3
"""Runs of each variant where nothing else is asked for."""

NO_HINTS = HintsForm()

BASE = Variant(name="base", values={}, overrides=())
"""The only variant of a study that varies nothing but seeds."""

STAGE = 10
"""The same where the best is to be selected: fewer make its boundaries wide (Kim and Nelson, 2001, section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is compared: variants of a base scenario (a preset's name or a file) under overrides that all share.

    name, question: None where the command line names the axes. until: replications by precision instead of replicas.
    metrics: what its results are summed up by. hints: how it runs as a batch, which comparisons have no need of.
    """

    name: str | None
    question: str | None
    base: str
    replicas: int
    overrides: tuple[str, ...]
    variants: tuple[Variant, ...]
    until: UntilForm | None = None
    metrics: tuple[str, ...] = ()
    hints: HintsForm = NO_HINTS
    best: Best | None = None
    prices: tuple[str, ...] = ()


def study_names() -> list[str]:
    """Return the names of the studies that ship with the project.

    >>> "topologies" in study_names()
    True
    """
    folder = files("experiments") / "studies"
    return sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(".toml"))


def load_study(name_or_path: str, least: int = 2, where: str = "compare without --over") -> Study:
    """Return a study that ships with the project, or that of a file; a base that is a file lies beside it.

    least: variants that it has to have; without any, one alone is the base itself. where: said of an unknown name.

    Raises InputError with a line for each thing that is wrong, UnknownNameError for an unknown name. Whether the keys
    that are set exist is for the base to say, when it is loaded.

    >>> study = load_study("topologies")
    >>> study.base, study.variants[0].name, len(study.variants) >= 10
    ('llama3-405b', 'clos 1:7', True)
    """
    path = Path(name_or_path).expanduser()
    if not _is_path(name_or_path):
        if name_or_path in scenario_names():
            more = "--over KEY=A,B,C beside it" if least > 1 else f'a study file that says base = "{name_or_path}"'
            raise ScenarioError(f"{where.split()[0]} {name_or_path}: a scenario is no study; expected {more}")
        if name_or_path not in study_names():
            raise unknown_name("study", name_or_path, study_names(), where)
        path = Path(str(files("experiments") / "studies" / f"{name_or_path}.toml"))
    return _study_of(read_toml(path, "a study in TOML, or the name of one"), name_or_path, path.parent, least)


def study_of_axes(base: str, over: Sequence[str]) -> Study:
    """Return the study of a scenario over axes of the command line, `key=a,b,c` each.

    >>> [variant.name for variant in study_of_axes("tiny", ["cluster.spare_nodes=0,1"]).variants]
    ['0', '1']
    """
    if base in study_names():
        raise InputError(f"--over {over[0]}: the study '{base}' states what it compares; expected a scenario")
    variants = variants_of([axis_of(text) for text in over])
    return Study(name=None, question=None, base=base, replicas=REPLICAS, overrides=(), variants=variants)


def compare_study(
    study: Study,
    *,
    overrides: Sequence[str] = (),
    replicas: int | None = None,
    workers: int | None = None,
    best: Best | None = None,
    prices: Sequence[str] = (),
    progress: Progress = lambda fraction, what: None,
    allow_plugins: bool = False,
) -> Comparison:
    """Return the comparison of a study; its own replicas and best hold where none are given.

    Overrides lie over its own, and prices come beside its own. Where nothing says how many replicas, the best is
    selected from first stages of 10 each. Raises ScenarioError for a study whose replications follow from a precision:
    a batch finds them.
    """
    if study.until is not None and replicas is None:
        raise ScenarioError(f"{study.name}: until: is for `batch`; expected replicas, or --replicas")
    best = best or study.best
    count = study.replicas if replicas is None else replicas
    if replicas is None and best is not None:
        count = max(count, STAGE)
    found = compare(
        study.base,
        study.variants,
        overrides=[*study.overrides, *overrides],
        replicas=count,
        workers=workers,
        best=best,
        prices=[*study.prices, *prices],
        progress=progress,
        allow_plugins=allow_plugins,
    )
    return replace(found, study=study.name, question=study.question)


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name


def _study_of(tree: Mapping[str, Any], source: str, folder: Path, least: int) -> Study:
    if "base" not in tree:
        raise InputError(f"{source}: base: is missing: this is no study; expected its base, or a scenario with --over")
    try:
        form = StudyForm.model_validate(tree)
    except ValidationError as error:
        raise InputError("\n".join(f"{source}: {line}" for line in error_lines(error, StudyForm))) from None
    lines = [*_faults(form, least)]
    if lines:
        raise InputError("\n".join(f"{source}: {line}" for line in lines))
    named = [_named(variant.name, variant.set) for variant in form.variants]
    return Study(
        name=form.name,
        question=form.question,
        base=str(folder / form.base) if _is_path(form.base) else form.base,
        replicas=form.replicas or REPLICAS,
        overrides=_overrides(form.set),
        variants=product_of(named, form.axes, source) if named or form.axes else (BASE,),
        until=form.until,
        metrics=tuple(form.metrics),
        hints=form.batch,
        best=None if form.best is None else best_of(**form.best.model_dump(), where=f"{source}: best"),
        prices=tuple(form.prices),
    )


def _faults(form: StudyForm, least: int) -> Iterator[str]:
    """Yield what is wrong with a form whose keys are: nothing to compare, names given twice, keys that are tables."""
    names = [variant.name for variant in form.variants]
    if len(names) + 2 * len(form.axes) < 2 <= least:
        yield f"variants: got {len(names)}; expected two at least, or [[axes]] of two values"
    twice = dict.fromkeys(name for index, name in enumerate(names) if name in names[:index])
    yield from (f"variants: the name '{name}' is given twice" for name in twice)
    tables = {"set": form.set, **{f"variants.{i}.set": variant.set for i, variant in enumerate(form.variants)}}
    for where, keys in tables.items():
        for key, value in keys.items():
            if isinstance(value, Mapping) and "." not in key:
                yield f'{where}.{key}: got a table; expected a dotted key in quotes, such as "cluster.topology"'
    asked = {"metrics": form.metrics, "until.half_width": [] if form.until is None else form.until.half_width}
    for where, metrics in asked.items():
        yield from (str(unknown_name("metric", name, METRICS, where)) for name in metrics if name not in METRICS)


def _overrides(keys: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{key}={toml_text(value)}" for key, value in keys.items())


def _named(name: str, keys: Mapping[str, Any]) -> Variant:
    values = {key: toml_text(value) for key, value in keys.items()}
    return Variant(name=name, values=values, overrides=_overrides(keys))
