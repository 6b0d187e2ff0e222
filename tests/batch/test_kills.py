"""What kills workers, parents, disks and files: nothing is lost that was told to be done, exit codes are right."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from sim.batch.store.claims import claims
from tests.batch.studies import contents, plan_from, run, written

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0

LONGER = """
name = "longer"
question = "Is anything lost when something dies?"
base = "airesim-s1"
replicas = 24

[set]
"cluster.nodes" = 512
"recovery.resume_when_idle" = 512
"run.work" = "30 d"

[[axes]]
key = "cluster.spare_nodes"
values = [32, 64]

[batch]
chunk = 6
"""
"""Eight chunks of a good part of a second each."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The bytes of the study, undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(plan_from(folder, LONGER), folder / "out").complete
    return contents(folder / "out")


def command(folder: Path, *more: str) -> list[str]:
    study = written(folder, LONGER)
    return [sys.executable, "-m", "sim.cli", "batch", str(study), "--out", str(folder / "out"), "--workers", "2", *more]


def started(folder: Path, *more: str) -> "subprocess.Popen[str]":
    """Start a batch in a process group of its own."""
    return subprocess.Popen(
        command(folder, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finished(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def done(folder: Path) -> dict[str, str]:
    return contents(folder / "out") if (folder / "out").is_dir() else {}


def chunks_done(folder: Path) -> int:
    return len(list((folder / "out" / "runs").glob("chunk-*"))) if (folder / "out" / "runs").is_dir() else 0


def until(true: Callable[[], Any]) -> Any:
    end_s = monotonic() + PATIENCE_S
    while monotonic() < end_s:
        found = true()
        if found:
            return found
        sleep(0.01)
    raise AssertionError("it has not come to that in time")


def working(folder: Path) -> list[int]:
    """Return the processes that work on a chunk and have finished a run of it."""
    return [claim.pid for claim in claims(folder / "out").values() if claim.finished]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A child of a killed parent is reaped by whoever adopts it, perhaps never in a container: a zombie is gone too.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def resumed(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """Run the same command again, to its end."""
    code, out, err = finished(started(folder, "--json"))
    assert "Traceback" not in err
    return code, [json.loads(line) for line in out.splitlines()]


def test_a_killed_worker_costs_its_chunk_only_time(tmp_path: Path, whole: dict[str, str]) -> None:
    process = started(tmp_path, "--json")
    os.kill(until(lambda: working(tmp_path))[0], signal.SIGKILL)
    code, out, err = finished(process)
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [event["event"] for event in events].count("resubmitted") == 1
    assert done(tmp_path) == whole


def test_a_killed_server_of_workers_takes_them_along_and_others_go_on(tmp_path: Path, whole: dict[str, str]) -> None:
    """Whoever had a task is told to be dead with it, for nobody would hear of its end any more."""
    process = started(tmp_path, "--json")
    workers = until(lambda: working(tmp_path))
    os.kill(parent_of(workers[0]), signal.SIGKILL)
    code, out, err = finished(process)
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert 1 <= [event["event"] for event in events].count("resubmitted") <= 2
    assert done(tmp_path) == whole
    assert all(map(gone, workers))


def test_a_killed_parent_takes_its_workers_along_and_the_next_goes_on(tmp_path: Path, whole: dict[str, str]) -> None:
    process = started(tmp_path)
    until(lambda: chunks_done(tmp_path) >= 2)
    # Both: one that is not asked for might finish its chunk after what is done has been looked at.
    workers = until(lambda: len(working(tmp_path)) == 2 and working(tmp_path))
    process.kill()
    assert finished(process)[0] == -signal.SIGKILL
    until(lambda: all(map(gone, workers)))
    before = {name: hashed for name, hashed in done(tmp_path).items() if name in whole}
    kept = {name for name in before if name.startswith("runs/")}
    assert len(kept) >= 2
    assert all(whole[name] == hashed for name, hashed in before.items())
    code, events = resumed(tmp_path)
    assert code == 0
    assert sum(event["event"] == "chunk" for event in events) == 8 - len(kept)
    assert done(tmp_path) == whole


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_batch_with_nothing_half_written(
    tmp_path: Path, whole: dict[str, str], number: signal.Signals, code: int
) -> None:
    process = started(tmp_path)
    until(lambda: chunks_done(tmp_path) >= 1 and working(tmp_path))
    process.send_signal(number)
    ended, _, err = finished(process)
    assert ended == code
    assert err.splitlines()[-1].startswith("trainwright: interrupted; what is done stays in")
    assert done(tmp_path).items() <= whole.items()
    assert claims(tmp_path / "out") == {}
    assert resumed(tmp_path)[0] == 0
    assert done(tmp_path) == whole


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_ends_it_once(tmp_path: Path) -> None:
    process = started(tmp_path)
    workers = until(lambda: working(tmp_path))
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = finished(process)
    assert (code, "Traceback" in err) == (130, False)
    until(lambda: all(map(gone, workers)))


def test_two_processes_on_one_directory_share_the_work(tmp_path: Path, whole: dict[str, str]) -> None:
    both = [started(tmp_path, "--json"), started(tmp_path, "--json")]
    answers = [finished(process) for process in both]
    assert [code for code, _, _ in answers] == [0, 0]
    assert done(tmp_path) == whole
    events = [json.loads(line) for _, out, _ in answers for line in out.splitlines()]
    assert sum(event["event"] == "chunk" for event in events) <= 10


DEADLY = """
name = "deadly"
question = "What of a task that kills its workers?"
base = "tiny"
replicas = 2

[[variants]]
name = "good"
set = { "cluster.spare_nodes" = 2 }

[[variants]]
name = "deadly"
set = { "checkpoint.interval" = { kind = "tests.batch.deadly:interval" } }

[[variants]]
name = "good too"
set = { "cluster.spare_nodes" = 1 }

[batch]
chunk = 2
"""


def test_a_task_that_kills_twice_is_quarantined_with_its_scenario_and_the_rest_goes_on(tmp_path: Path) -> None:
    study = written(tmp_path, DEADLY)
    out = tmp_path / "out"
    ask = [sys.executable, "-m", "sim.cli", "batch", str(study), "--out", str(out), "--workers", "2", "--allow-plugins"]
    first = subprocess.run(ask, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert first.returncode == 1
    assert "chunk 1: its worker was killed; handed out again" in first.stderr
    assert "chunk 1: in quarantine (deadly): killed its worker 2 times" in first.stderr
    assert {path.stem for path in (out / "runs").iterdir()} == {"chunk-00000", "chunk-00002"}
    told = json.loads((out / "quarantine" / "00001.json").read_text())
    assert told["runs"][0]["seeds"] == [1, 2]
    assert told["runs"][0]["scenario"]["name"] == "tiny"
    again = subprocess.run(ask, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert again.returncode == 1
    assert "handed out again" not in again.stderr
    assert "chunk 1: is in quarantine" in again.stderr


def limited(bytes_: int, *command: str) -> list[str]:
    """Return a command under a limit of the size of any file, which is how a full disk looks from inside."""
    limit = (
        "import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_}, {bytes_})); os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", limit, *command]


def test_a_file_that_cannot_grow_ends_the_batch_in_one_line_and_nothing_is_lost(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    full = subprocess.run(limited(8000, *command(tmp_path)), capture_output=True, text=True, timeout=PATIENCE_S)
    assert full.returncode == 1
    said = [line for line in full.stderr.splitlines() if line.startswith("trainwright:")]
    assert len(said) == 1
    assert "cannot be written: File too large; what was finished before is kept" in said[0]
    assert not list((tmp_path / "out").rglob(".*partial*"))
    assert {name for name in done(tmp_path) if name.startswith("runs/")} == set()
    assert resumed(tmp_path)[0] == 0
    assert done(tmp_path) == whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB, where this machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_batch_in_one_line_and_what_was_done_stays(
    tmp_path: Path, whole: dict[str, str], small_disk: Path
) -> None:
    study = written(tmp_path, LONGER)
    ask = [sys.executable, "-m", "sim.cli", "batch", str(study), "--out", str(small_disk / "out"), "--workers", "2"]
    full = subprocess.run(ask, capture_output=True, text=True, timeout=PATIENCE_S)
    said = [line for line in full.stderr.splitlines() if line.startswith("trainwright:")]
    assert (full.returncode, len(said)) == (1, 1)
    assert "No space left on device" in said[0]
    kept = contents(small_disk / "out")
    assert any(name.startswith("runs/") for name in kept)
    assert kept.items() <= whole.items()


def test_a_directory_that_may_not_be_written_is_bad_input(tmp_path: Path) -> None:
    """Root may write anywhere: then a file stands where the directory should be."""
    out = tmp_path / "out"
    if os.geteuid():
        out.mkdir(mode=0o500)
    else:
        out.write_text("a file")
    code, _, err = finished(started(tmp_path))
    assert code == 2
    assert len([line for line in err.splitlines() if line.startswith("trainwright:")]) == 1


def test_a_read_only_disk_is_bad_input(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(out)], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        code, _, err = finished(started(tmp_path))
    finally:
        subprocess.run(["umount", "-l", str(out)], check=True)
    assert code == 2
    assert "Read-only file system" in err
    assert len([line for line in err.splitlines() if line.startswith("trainwright:")]) == 1
