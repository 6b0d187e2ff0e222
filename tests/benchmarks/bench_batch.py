"""10,000 short runs as a batch on two workers, beside two processes that do nothing but simulate them."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from sim.batch.batch import Settings, run_batch
from sim.batch.drive.lanes import LocalLanes
from sim.batch.plans.plan import Plan, plan_of
from sim.batch.seeds import Job, prepared_job
from sim.batch.store.claims import claims
from sim.batch.store.compact import compact
from sim.batch.study import load_study
from sim.engine.collector import rare_collections
from sim.report.batch.batch_answer import results_json
from sim.scenario import Scenario
from sim.simulate import reseeded, simulate_prepared

RUNS, WORKERS = 10_000, 2

STUDY = """
name = "short"
question = "How fast?"
base = "airesim-s1"
[set]
"cluster.nodes" = 16
"recovery.resume_when_idle" = 16
"cluster.spare_nodes" = 2
"failures.causes.0.mean" = "40 d"
"run.work" = "7 d"
"""


def measure(runs: int = RUNS) -> dict[str, float]:
    """Return rates, what a batch adds to each run, how memory grows, and how long reading takes."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        plan = _plan(folder, runs)
        plain_s, plain_cpu_s = _plain(plan, runs)
        command_s = _command_s(folder, runs)
        resident: list[tuple[int, int]] = []
        batch_s, cpu_s = _batch(plan, folder / "out", _watching(folder, resident))
        _, begin_cpu_s = _batch(_plan(folder, 2), folder / "two", lambda told: None)
        begin_cpu_s += _server_cpu_s()
        return {
            "batch of short runs, 2 workers: runs per second": runs / batch_s,
            "batch of short runs, 2 workers: over two processes without a batch": plain_s / batch_s,
            "batch of short runs, 2 workers: the same for the whole command": plain_s / command_s,
            "batch of short runs: CPU time of the runs alone over all of the batch's": plain_cpu_s / cpu_s,
            "batch of short runs: CPU seconds of the start of two workers": begin_cpu_s,
            "batch of short runs: CPU milliseconds that it adds to a run, start apart": 1e3
            * (cpu_s - begin_cpu_s - plain_cpu_s)
            / runs,
            "batch of short runs: resident memory of a worker at the end over an early one": _growth(resident),
            "batch of short runs: bytes of a run on disk": _bytes(folder / "out") / runs,
            **_reading(folder / "out"),
        }


def _plan(folder: Path, runs: int) -> Plan:
    path = folder / "study.toml"
    path.write_text(STUDY)
    return plan_of(load_study(str(path), least=1), replicas=runs)


def _plain(plan: Plan, runs: int) -> tuple[float, float]:
    """Return the time that two processes take for all runs, and their CPU time, start and preparation left out."""
    scenario = plan.variants[0].scenario
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as executor:
        halves = [(scenario, first, runs // WORKERS) for first in range(1, runs, runs // WORKERS)]
        found = list(executor.map(_loop, halves))
    return max(wall_s for wall_s, _ in found), sum(cpu_s for _, cpu_s in found)


def _batch(plan: Plan, directory: Path, tell: Callable[[Mapping[str, Any]], None]) -> tuple[float, float]:
    """Return the time that a batch takes, and its CPU time; the first one starts the server of its workers."""
    start_s, start_cpu_s = perf_counter(), _cpu_s()
    run_batch(plan, directory, Settings(lanes=lambda tasks: LocalLanes(WORKERS)), tell)
    return perf_counter() - start_s, _cpu_s() - start_cpu_s


def _command_s(folder: Path, runs: int) -> float:
    """Return the time that the command takes, from the start of Python to its end."""
    asked = [str(folder / "study.toml"), "--out", str(folder / "command"), "--replicas", str(runs)]
    command = [sys.executable, "-m", "sim.cli", "batch", *asked, "--workers", str(WORKERS), "--json"]
    return _timed(lambda: subprocess.run(command, check=True, capture_output=True))


def _loop(asked: tuple[Scenario, int, int]) -> tuple[float, float]:
    scenario, first, count = asked
    prepared = prepared_job(Job(key="plain", scenario=scenario, source="", overrides=()))
    simulate_prepared(prepared)
    start_s, start_cpu_s = perf_counter(), process_time()
    with rare_collections():
        for seed in range(first, first + count):
            simulate_prepared(reseeded(prepared, _seeded(scenario, seed)))
    return perf_counter() - start_s, process_time() - start_cpu_s


def _seeded(scenario: Scenario, seed: int) -> Scenario:
    return replace(scenario, seed=seed)


def _watching(folder: Path, resident: list[tuple[int, int]]) -> Callable[[Mapping[str, Any]], None]:
    """Return what notes the resident memory of every worker at each chunk."""

    def tell(told: Mapping[str, Any]) -> None:
        if told["event"] == "chunk":
            for claim in claims(folder / "out").values():
                path = Path(f"/proc/{claim.pid}/statm")
                if claim.pid != os.getpid() and path.exists():
                    resident.append((claim.pid, int(path.read_text().split()[1])))

    return tell


def _growth(resident: list[tuple[int, int]]) -> float:
    """Return the largest growth of a worker from its tenth part to its end."""
    found = []
    for pid in {pid for pid, _ in resident}:
        pages = [count for other, count in resident if other == pid]
        found.append(pages[-1] / pages[len(pages) // 10])
    return max(found, default=float("nan"))


def _bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _reading(directory: Path) -> dict[str, float]:
    """Return how long a scan of all runs takes, by pyarrow over chunks and by `results`."""
    scan_s = _timed(lambda: pc.mean(ds.dataset(directory / "runs").to_table()["ettr"]))
    answer_s = _timed(lambda: results_json(directory))
    compact(directory)
    compact_s = _timed(lambda: pc.mean(ds.dataset(directory / "compact" / "runs.parquet").to_table()["ettr"]))
    return {
        "batch of short runs: full scan of all summaries, chunks: seconds": scan_s,
        "batch of short runs: full scan of all summaries, compacted: seconds": compact_s,
        "batch of short runs: what results prints, all summaries: seconds": answer_s,
    }


def _timed(call: Callable[[], object]) -> float:
    start_s = perf_counter()
    call()
    return perf_counter() - start_s


def _cpu_s() -> float:
    """Return the CPU time of this process and of what it has started: ended, or the server of workers with its own."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used) + _server_cpu_s() + _server_cpu_s(ended=True)


def _server_cpu_s(ended: bool = False) -> float:
    """Return the CPU time of processes that this one has started and that run; ended: of theirs that have ended."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            found = path.read_text().rpartition(")")[2].split()
            if int(found[1]) == os.getpid():
                ticks += sum(map(int, found[13:15] if ended else found[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
