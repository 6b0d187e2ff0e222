"""The script of a Slurm job array: its elements together are the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.studies import contents, plan_from, run, written

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "experiments" / "slurm" / "batch.sh"


def element(folder: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the script as Slurm would run one element of an array."""
    command = folder / "trainwright"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m sim.cli "$@"\n')
    command.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    python = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        env={**kept, "PYTHONPATH": python, "TRAINWRIGHT": str(command), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_elements_of_an_array_together_are_the_whole(tmp_path: Path) -> None:
    study = written(tmp_path)
    for task in ("2", "1"):
        array = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MAX": "2", "SLURM_ARRAY_TASK_MIN": "1"}
        done = element(tmp_path, str(study), str(tmp_path / "out"), **array)
        assert done.returncode == 0, done.stderr
    assert run(plan_from(tmp_path), tmp_path / "whole").complete
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        ([], {}, "usage: sbatch --array=1-N"),
        (["smoke", "out"], {}, "no job array; expected sbatch --array=1-N"),
        (["smoke", "out"], {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MIN": "0"}, "got an array from 0"),
    ],
)
def test_what_is_no_job_array_is_bad_input(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], said: str
) -> None:
    done = element(tmp_path, *arguments, **variables)
    assert done.returncode == 2
    assert said in done.stderr
