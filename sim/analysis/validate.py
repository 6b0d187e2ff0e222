"""Measured against simulated step times: every usable row of a file, on all cores, resumable."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sim import MODEL_VERSION, catalog
from sim.analysis.mapping import Mapped, SkippedError, scenario_of_row
from sim.analysis.measurements import Measured
from sim.analysis.rules import rules
from sim.batch.pool import executor_of
from sim.catalog.bands import kind_of
from sim.errors import InputError, SimulationError, TrainwrightError
from sim.machine import Machine, build_machine
from sim.scenario import canonical_text
from sim.scenario.records import Machines, Scenario
from sim.simulate import StepResult, simulate_phase

Answer = dict[str, Any]
Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""


def validate_training(
    rows: Iterable[Measured], *, workers: int | None = None, cache: Path | None = None, progress: Progress | None = None
) -> list[Answer]:
    """Return an answer for every row, in their order: simulated beside measured, or the reason why not.

    cache: a file of answers by key, appended as they come; what is in it is not simulated again. A key holds the
    row, the scenario and the version of the models, so that a change of any is noticed.
    """
    known = dict(_cached(cache)) if cache else {}
    answers: dict[int, Answer] = {}
    waiting: list[tuple[int, Measured]] = []
    listed = list(rows)
    for index, row in enumerate(listed):
        try:
            key = _key(row, scenario_of_row(row))
        except SkippedError as reason:
            answers[index] = _facts(row) | {"skipped": str(reason)}
            continue
        if key in known:
            answers[index] = known[key]
        else:
            waiting.append((index, row))
    # Rows on one machine after another, so that a process wires it once.
    waiting.sort(key=lambda pair: (pair[1].text("gpu"), pair[1].text("network"), pair[1].count("n_gpus") or 0, pair[0]))
    done = len(answers)
    for index, key, answer in _simulated(waiting, workers):
        answers[index] = answer
        done += 1
        if cache:
            _append(cache, key, answer)
        if progress:
            progress(done, len(listed))
    return [answers[index] for index in range(len(listed))]


def _simulated(waiting: list[tuple[int, Measured]], workers: int | None) -> Iterator[tuple[int, str, Answer]]:
    count = workers or os.cpu_count() or 1
    if count == 1 or len(waiting) < 8:
        yield from map(_answer, waiting)
        return
    try:
        with executor_of(count) as pool:
            yield from pool.map(_answer, waiting, chunksize=8)
    except BrokenProcessPool:
        raise SimulationError("validate: a worker process died; run it again: rows that are done are kept") from None


def _answer(task: tuple[int, Measured]) -> tuple[int, str, Answer]:
    index, row = task
    facts = _facts(row)
    mapped = scenario_of_row(row)
    key = _key(row, mapped)
    try:
        result = step_of(mapped.scenario)
    except TrainwrightError as error:
        kind = "refused" if isinstance(error, InputError) else "failed"
        return index, key, facts | {"skipped": f"{kind}: {str(error).splitlines()[0][:200]}"}
    return index, key, facts | _compared(row, mapped, result)


def step_of(scenario: Scenario) -> StepResult:
    """Return the step of a row's scenario, on a machine that rows of one process share."""
    training = scenario.training
    assert training is not None, "rows have models"
    return simulate_phase(scenario, _machine(_MachineKey(scenario)), training.phases[0])


class _MachineKey:
    """A scenario by what its machine is built from."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        machines = scenario.machines
        node = machines.node
        self.key = (
            *(node.name, node.accelerators, node.scale_up_domain, node.nic_bandwidth_bytes_per_s, machines.nodes),
            *(node.network_technology, str(machines.topology)),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _MachineKey) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=4)
def _machine(key: _MachineKey) -> Machine | None:
    return build_machine(key.scenario)


def _facts(row: Measured) -> Answer:
    """Return what identifies a row and the groups that it is in."""
    precision = rules().precision(row.text("precision"), row.text("gpu")) or row.text("precision")
    return {
        "id": row.text("id"),
        "source": row.text("source"),
        "model": row.text("model"),
        "gpu": row.text("gpu"),
        "gpus": row.count("n_gpus"),
        "precision": precision,
        "kind": kind_of(precision, bool(row.count("experts"))),
        "sweep": row.text("sweep"),
        "global_batch": row.count("global_batch"),
        "sequence": row.count("seq_len"),
        "excluded": rules().excluded(row),
    }


def _compared(row: Measured, mapped: Mapped, result: StepResult) -> Answer:
    measured, profile, training = row.step_time_s, result.profile, mapped.scenario.training
    assert measured is not None and training is not None, "checked when the row was mapped"
    peak = max(stage.total for stage in profile.memory)
    return {
        "measured": measured,
        "simulated": profile.step_time_s,
        "error": profile.step_time_s / measured - 1,
        "software": training.software.name,
        "filled": list(mapped.filled),
        "mfu": profile.mfu,
        "waterfall": {state: round(profile.fraction(state), 5) for state in profile.state_ns},
        "memory_bytes": peak,
        "memory_fits": peak <= _capacity_bytes(mapped.scenario.machines),
    }


def _capacity_bytes(machines: Machines) -> float:
    return catalog.accelerator(machines.accelerator.name).hbm_bytes


def _key(row: Measured, mapped: Mapped) -> str:
    text = json.dumps([MODEL_VERSION, row.cells, canonical_text(mapped.scenario)], sort_keys=True)
    return blake2b(text.encode(), digest_size=12).hexdigest()


def _cached(path: Path) -> Iterator[tuple[str, Answer]]:
    """Yield answers of a file; a line that was cut off when the last process died is passed over, and ended."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
    for line in text.splitlines():
        try:
            entry: Mapping[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            continue
        yield entry["key"], entry["answer"]


def _append(path: Path, key: str, answer: Answer) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"key": key, "answer": answer}) + "\n")
