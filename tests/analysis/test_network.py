"""Published numbers of networks: within what is promised, and nothing left out without a word."""

import json
from pathlib import Path

import pytest

from sim.analysis.network.answer import SECTIONS, network_answer, read_sections
from sim.errors import InputError


@pytest.fixture(scope="module")
def answer():
    return network_answer(read_sections(None))


def test_hardware_is_met_within_ten_percent_in_the_mean(answer) -> None:
    assert answer["mape"] < 0.10
    assert answer["max"] < 0.20


def test_other_simulators_are_met_where_their_model_is_ours(answer) -> None:
    assert answer["groups"]["group"]["flow level"]["max"] < 0.01
    assert answer["groups"]["group"]["ASTRA-sim rings"]["max"] < 0.01


def test_hashed_flows_collide_as_often_as_in_a_monte_carlo(answer) -> None:
    assert answer["groups"]["group"]["ECMP"]["max"] < 0.03


def test_every_row_left_out_has_a_reason(answer) -> None:
    assert all(row["reason"] for row in answer["skipped"])
    json.dumps(answer, allow_nan=False)


def test_a_file_may_hold_a_part_and_must_hold_something(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    curve = {"name": "8xH100", "ranks": 8, "sizes_bytes": [2**30], "busbw_GBps": [460], "source": "mine"}
    other = curve | {"name": "8xMI300"}
    path.write_text(json.dumps({"nccl_allreduce_curves": [curve, other]}))
    answer = network_answer(read_sections(str(path)))
    assert (len(answer["rows"]), len(answer["skipped"])) == (1, 1)
    path.write_text("{}")
    with pytest.raises(InputError, match=next(iter(SECTIONS))):
        read_sections(str(path))
