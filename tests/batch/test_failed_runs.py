"""Runs that fail or take too much: a row of their own, while the others go on."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pyarrow.dataset as ds
import pytest

from sim.batch.work import run_chunk
from sim.batch.work.limits import Limits, MemoryExceededError, TimeExceededError, Watch, resident_bytes
from sim.errors import InputError, SimulationError
from sim.simulate import simulate_prepared
from tests.batch.studies import contents, plan_from, run

Meet = Callable[[], None]


def failing(monkeypatch: pytest.MonkeyPatch, seed: int, meet: Meet) -> None:
    """Let the runs of a seed meet something."""

    def simulate(prepared: Any) -> Any:
        if prepared.scenario.seed == seed:
            meet()
        return simulate_prepared(prepared)

    monkeypatch.setattr(run_chunk, "simulate_prepared", simulate)


def raising(error: Exception) -> Meet:
    def meet() -> None:
        raise error

    return meet


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SimulationError("the clock ran backwards"), "run"),
        (InputError("does not fit"), "input"),
        (MemoryError(), "memory"),
    ],
)
def test_a_run_that_fails_is_a_row_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    failing(monkeypatch, 2, raising(error))
    events: list[Any] = []
    status = run(plan_from(tmp_path), tmp_path / "out", events=events)
    assert (status.runs_done, status.failed, status.complete) == (12, 3, True)
    rows = ds.dataset(tmp_path / "out" / "failed").to_table().to_pylist()
    assert [(row["variant"], row["seed"], row["reason"]) for row in rows] == [(v, 2, reason) for v in range(3)]
    good = ds.dataset(tmp_path / "out" / "runs").to_table().to_pylist()
    assert {row["seed"] for row in good} == {1, 3, 4}
    assert not {row["run_id"] for row in rows} & {row["run_id"] for row in good}
    chunks = [event for event in events if event["event"] == "chunk" and event["failed"]]
    assert sum(event["failed"] for event in chunks) == 3
    assert [event["error"].split(": ")[:2] for event in chunks] == [[spares, "seed 2"] for spares in "024"]


def test_failed_runs_are_tried_again_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_from(tmp_path)
    with monkeypatch.context() as patched:
        failing(patched, 2, raising(SimulationError("once")))
        run(plan, tmp_path / "out")
    assert run(plan, tmp_path / "out").failed == 3
    assert run(plan, tmp_path / "out", retry=True).failed == 0
    assert run(plan, tmp_path / "fresh").complete
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def endless() -> None:
    while True:
        sleep(0.001)


def hungry() -> None:
    held = []
    while True:
        held.append(bytearray(10_000_000))
        sleep(0.001)


def test_a_run_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, 3, endless)
    start_s = monotonic()
    status = run(plan_from(tmp_path), tmp_path / "out", limits=Limits(time_s=0.5))
    assert (status.runs_done, status.failed) == (12, 3)
    assert monotonic() - start_s < 20
    rows = ds.dataset(tmp_path / "out" / "failed").to_table().to_pylist()
    assert {row["error"] for row in rows} == {"took more than 0.5 s"}


def test_a_run_that_holds_too_much_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, 3, hungry)
    limit = resident_bytes() + 300e6
    status = run(plan_from(tmp_path), tmp_path / "out", limits=Limits(memory_bytes=limit))
    assert (status.runs_done, status.failed) == (12, 3)
    rows = ds.dataset(tmp_path / "out" / "failed").to_table().to_pylist()
    assert {row["reason"] for row in rows} == {"memory"}


def test_a_watch_lets_what_is_within_its_limits_alone() -> None:
    watch = Watch(Limits(time_s=0.2))
    watch.start()
    for _ in range(3):
        with watch.run():
            sleep(0.05)
        sleep(0.1)
    with pytest.raises(TimeExceededError), watch.run():
        endless()
    with watch.run():
        sleep(0.05)


def test_a_watch_tells_memory_from_time() -> None:
    watch = Watch(Limits(time_s=60.0, memory_bytes=1.0))
    watch.start()
    with pytest.raises(MemoryExceededError), watch.run():
        endless()
