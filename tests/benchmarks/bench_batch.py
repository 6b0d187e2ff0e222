"""10,000 short runs as a batch on two workers, while two processes do nothing but simulate them."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
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
from tests.benchmarks.beside import beside

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
    """Return rates, what a batch adds to each run, how memory grows, and how long reading takes.

    Two plain processes run while the batch does, on the same cores, which give every process that asks the same share:
    what both do meanwhile is compared.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        plan = _plan(folder, runs)
        plain, batch = _beside(plan, partial(_batch, plan, folder / "out"))
        beside_command, command = _beside(plan, partial(_command, plan, folder))
        alone = _alone(partial(_batch, plan, folder / "alone"))
        begin = _alone(partial(_batch, _plan(folder, 2), folder / "two"))
        return {
            "batch of short runs, 2 workers: runs per second, alone": alone.runs / alone.wall_s,
            "batch of short runs, 2 workers: over two processes without a batch": batch.runs / plain.runs,
            "batch of short runs, 2 workers: the same for the whole command": command.runs / beside_command.runs,
            "batch of short runs: CPU seconds of the start of two workers": begin.cpu_s,
            "batch of short runs: CPU milliseconds that it adds to a run, start apart": 1e3
            * ((batch.cpu_s - begin.cpu_s) / batch.runs - plain.cpu_s / plain.runs),
            "batch of short runs: resident memory of a worker at the end over an early one": alone.growth,
            "batch of short runs: bytes of a run on disk": _bytes(folder / "out") / runs,
            **_reading(folder / "out"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What so many runs took. growth: of a worker's resident memory, from its tenth part to its end."""

    runs: int
    wall_s: float
    cpu_s: float
    growth: float = 1.0


def _plan(folder: Path, runs: int) -> Plan:
    path = folder / "study.toml"
    path.write_text(STUDY)
    return plan_of(load_study(str(path), least=1), replicas=runs)


def _alone(asked: Callable[[], Took]) -> Took:
    """Return what is asked took in a process that has done nothing before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(asked).result()


def _beside(plan: Plan, asked: Callable[[], Took]) -> tuple[Took, Took]:
    """Return what plain processes did while something was asked of another, and what that took."""
    took, found = beside(asked, partial(_prepared, plan.variants[0].scenario), processes=WORKERS)
    plain = Took(
        runs=sum(each.runs for each in found),
        wall_s=max(each.wall_s for each in found),
        cpu_s=sum(each.cpu_s for each in found),
    )
    return plain, took


def _prepared(scenario: Scenario) -> Callable[[Callable[[], bool]], Took]:
    """Return what simulates one seed after the other until something is over, after its first run."""
    prepared = prepared_job(Job(key="plain", scenario=scenario, source="", overrides=()))
    simulate_prepared(prepared)

    def loop(over: Callable[[], bool]) -> Took:
        runs, start_s, start_cpu_s = 0, perf_counter(), process_time()
        with rare_collections():
            while not over():
                runs += 1
                simulate_prepared(reseeded(prepared, replace(scenario, seed=runs)))
        return Took(runs=runs, wall_s=perf_counter() - start_s, cpu_s=process_time() - start_cpu_s)

    return loop


def _batch(plan: Plan, directory: Path) -> Took:
    """Return what a batch takes, with the start of the server of its workers."""
    resident: list[tuple[int, int]] = []
    start_s, start_cpu_s = perf_counter(), _cpu_s()
    run_batch(plan, directory, Settings(lanes=lambda tasks: LocalLanes(WORKERS)), _watching(directory, resident))
    wall_s, cpu_s = perf_counter() - start_s, _cpu_s() - start_cpu_s
    return Took(runs=plan.replicas, wall_s=wall_s, cpu_s=cpu_s, growth=_growth(resident))


def _command(plan: Plan, folder: Path) -> Took:
    """Return what the command takes, from the start of Python to its end."""
    asked = [str(folder / "study.toml"), "--out", str(folder / "command"), "--replicas", str(plan.replicas)]
    command = [sys.executable, "-m", "sim.cli", "batch", *asked, "--workers", str(WORKERS), "--json"]
    start_cpu_s = _cpu_s()
    wall_s = _timed(lambda: subprocess.run(command, check=True, capture_output=True))
    return Took(runs=plan.replicas, wall_s=wall_s, cpu_s=_cpu_s() - start_cpu_s)


def _watching(directory: Path, resident: list[tuple[int, int]]) -> Callable[[Mapping[str, Any]], None]:
    """Return what notes the resident memory of every worker at each chunk."""

    def tell(told: Mapping[str, Any]) -> None:
        if told["event"] == "chunk":
            for claim in claims(directory).values():
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
