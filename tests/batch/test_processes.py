"""Processes of a batch: loaded once, with little more than a run needs, and deaf to Ctrl-C, which is their parent's."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from sim.batch import processes
from sim.batch.drive.lanes import LocalLanes
from sim.batch.pool import pool
from sim.engine.collector import RARELY

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


def parent(_: object) -> int:
    return os.getppid()


def habits(_: object) -> tuple[bool, tuple[int, ...], bool]:
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return gc.get_freeze_count() > 0, gc.get_threshold(), blocked


def children() -> set[int]:
    """Return the processes that this one has started and not buried."""
    stats = [path.read_text().rpartition(")") for path in Path("/proc").glob("[0-9]*/stat")]
    return {int(head.split()[0]) for head, _, rest in stats if int(rest.split()[1]) == os.getpid()}


@pytest.fixture
def lanes() -> Iterator[LocalLanes]:
    found = LocalLanes(2)
    yield found
    found.close(now=False)


@linux
def test_workers_are_forked_by_one_server_that_outlives_them(lanes: LocalLanes) -> None:
    servers = {lanes.submit(parent, None).result() for _ in range(3)}
    more = LocalLanes(1)
    servers.add(more.submit(parent, None).result())
    more.close(now=False)
    assert len(servers) == 1
    assert servers < children()
    assert os.getpid() not in servers


def test_a_worker_collects_rarely_and_never_hears_of_ctrl_c(lanes: LocalLanes) -> None:
    assert lanes.submit(habits, None).result() == (True, RARELY, True)


def test_a_process_of_a_pool_collects_rarely_and_ends_at_ctrl_c() -> None:
    with pool(2, 2) as found:
        assert set(found.map(habits, [0, 1])) == {(True, RARELY, False)}


def test_a_server_that_died_is_followed_by_another() -> None:
    processes.load_ahead(processes.WORKER)
    first = LocalLanes(1)
    server = first.submit(parent, None).result()
    first.close(now=False)
    os.kill(server, signal.SIGKILL)
    os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)
    second = LocalLanes(1)
    assert second.submit(parent, None).result() != server
    second.close(now=False)


def test_whatever_a_dying_server_answers_there_is_another_in_the_end() -> None:
    found = LocalLanes(1)
    server = answer = found.submit(parent, None).result()
    os.kill(server, signal.SIGKILL)
    end_s = monotonic() + 20
    while answer == server and monotonic() < end_s:
        future = found.submit(parent, None)
        error = future.exception()
        assert error is None or found.died(error)
        answer = server if error else future.result()
    found.close(now=False)
    assert answer != server


def test_workers_run_nothing_of_the_program_that_asks_for_them(tmp_path: Path) -> None:
    """A worker that imported this script would begin workers of its own: it has no guard."""
    script = tmp_path / "script.py"
    script.write_text(
        "print('once')\nfrom sim.batch.drive.lanes import LocalLanes\nlanes = LocalLanes(1)\n"
        "print(lanes.submit(len, 'ab').result(), __import__('sys').modules['__main__'].lanes is lanes)\n"
        "lanes.close(now=False)\n"
    )
    told = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)
    assert (told.stdout, told.stderr) == ("once\n2 True\n", "")


def test_where_nothing_forks_workers_are_spawned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "get_all_start_methods", lambda: ["spawn"])
    processes.load_ahead(processes.WORKER)
    found = LocalLanes(1)
    assert found.submit(parent, None).result() == os.getpid()
    assert found.submit(habits, None).result() == (True, RARELY, True)
    found.close(now=False)


def test_a_worker_needs_neither_the_form_nor_a_graph() -> None:
    heavy = "{'pydantic', 'networkx', 'topologies', 'scipy', 'matplotlib', 'typer', 'sim.batch.compare'}"
    command = f"import sys, {processes.WORKER}; print(sorted({heavy} & sys.modules.keys()))"
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_the_server_is_there_before_anybody_asks_for_a_worker() -> None:
    """What `batch` relies on: loading goes on while the study is read and planned."""
    command = (
        "from multiprocessing import forkserver; from sim.batch.processes import WORKER, load_ahead; "
        "load_ahead(WORKER); print(forkserver._forkserver._forkserver_pid is not None)"
    )
    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("True\n", "")
