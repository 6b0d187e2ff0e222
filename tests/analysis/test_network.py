"""Published numbers of networks: within what is promised, and nothing left out without a word."""

import json
from pathlib import Path

import pytest

from sim.analysis.network.answer import SECTIONS, network_answer, read_rows
from sim.errors import InputError


@pytest.fixture(scope="module")
def answer():
    return network_answer(read_rows(None))


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
    answer = network_answer(read_rows(str(path)))
    assert (len(answer["rows"]), len(answer["skipped"])) == (1, 1)
    path.write_text("{}")
    with pytest.raises(InputError, match=next(iter(SECTIONS))):
        read_rows(str(path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected one of the sections"),
        ('{"nccl_allreduce_curves": [{"name": "8xH100"}]}', "nccl_allreduce_curves: a row cannot be read"),
        ('{"nccl_allreduce_curves": []}', "no row can be compared"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(InputError, match=expected) as error:
        network_answer(read_rows(str(path)))
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(InputError, match="no such file"):
        read_rows(str(tmp_path / "none.json"))


def test_a_benchmark_without_small_messages_takes_the_mean_launch() -> None:
    """A curve of one large message and the same curve with small ones differ by what the small ones say."""
    curve = {"name": "8xH100", "ranks": 8, "sizes_bytes": [2**22], "busbw_GBps": [120.0], "source": "mine"}
    slow = curve | {"sizes_bytes": [1024, 2**22], "busbw_GBps": [0.02, 120.0]}
    alone, beside = (
        network_answer({"nccl_allreduce_curves": [each]})["rows"][-1]["simulated"] for each in (curve, slow)
    )
    assert beside < alone
