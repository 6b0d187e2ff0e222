"""The same study on a Dask cluster, one of whose workers is killed in the middle: the same bytes."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.batch.drive.dask_lanes import DaskLanes
from sim.batch.drive.lanes import LocalLanes
from sim.batch.store.claims import claims
from sim.errors import InputError
from tests.batch.studies import contents, plan_from, run
from tests.batch.test_kills import LONGER, chunks_done, finished, started, until, working

pytest.importorskip("distributed")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


def test_dask_with_a_worker_killed_in_the_middle_writes_the_bytes_of_a_local_run(tmp_path: Path) -> None:
    plan = plan_from(tmp_path, LONGER)
    assert run(plan, tmp_path / "local", lanes=lambda tasks: LocalLanes(2)).complete
    killed: list[int] = []
    killer = threading.Thread(target=_kill_one, args=(tmp_path, killed))
    killer.start()
    status = run(plan, tmp_path / "out", lanes=_dask(2))
    killer.join()
    assert len(killed) == 1
    assert (status.complete, dict(status.quarantined), status.failed) == (True, {}, 0)
    assert contents(tmp_path / "out") == contents(tmp_path / "local")
    assert claims(tmp_path / "out") == {}


def test_a_cluster_that_is_there_is_used_and_left_running(tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    plan = plan_from(tmp_path)
    assert run(plan, tmp_path / "local").complete
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert run(plan, tmp_path / "out", lanes=lambda tasks: DaskLanes(address, tasks)).complete
        with Client(cluster) as client:
            assert client.submit(int, "7").result() == 7
    assert contents(tmp_path / "out") == contents(tmp_path / "local")


def test_workers_of_several_threads_are_refused() -> None:
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster,
        pytest.raises(InputError, match="has workers of several threads; expected --nthreads 1"),
    ):
        DaskLanes(cluster.scheduler_address, 1)


def test_ctrl_c_leaves_a_dask_cluster_with_nothing_half_written(tmp_path: Path) -> None:
    process = started(tmp_path, "--engine", "dask")
    until(lambda: chunks_done(tmp_path) >= 1 and working(tmp_path))
    process.send_signal(signal.SIGINT)
    code, _, err = finished(process)
    assert code == 130
    assert "trainwright: interrupted; what is done stays in" in err
    assert "Traceback" not in err
    assert claims(tmp_path / "out") == {}
    assert not list((tmp_path / "out").rglob(".chunk*"))


def _dask(workers: int) -> Callable[[int], Any]:
    return lambda tasks: DaskLanes(None, workers)


def _kill_one(folder: Path, killed: list[int]) -> None:
    pid = until(lambda: [pid for pid in working(folder) if pid != os.getpid()])[0]
    os.kill(pid, signal.SIGKILL)
    killed.append(pid)
