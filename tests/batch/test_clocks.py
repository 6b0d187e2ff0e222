"""The time of day changes nothing: neither what is done nor what is written."""

import os
import time
from pathlib import Path

import pytest

from tests.batch.studies import contents, plan_from, run


def test_a_clock_that_goes_backwards_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_from(tmp_path)
    run(plan, tmp_path / "plain")
    now = [2e9]

    def backwards() -> float:
        now[0] -= 3600.0
        return now[0]

    monkeypatch.setattr(time, "time", backwards)
    monkeypatch.setattr(time, "time_ns", lambda: int(backwards() * 1e9))
    run(plan, tmp_path / "out", shard=(1, 2))
    for at_s in (0, 4_000_000_000):
        for path in (tmp_path / "out").rglob("*"):
            os.utime(path, (at_s, at_s))
        events: list[object] = []
        run(plan, tmp_path / "out", shard=(1, 2), events=events)  # type: ignore[arg-type]
        assert len(events) == 1
    run(plan, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "plain")
