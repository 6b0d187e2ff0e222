"""Checkpoints: bytes and times by hand."""

from dataclasses import replace

import pytest

from sim.errors import InputError
from sim.reliability.saving.checkpoint import (
    CheckpointPath,
    checkpoint_seconds,
    checkpoint_size,
    copy_s,
    read_bytes,
    read_s,
    write_s,
)

SIZE = checkpoint_size(405e9)
PATH = CheckpointPath(
    gpus=16_384,
    gpus_per_node=8,
    replicas=128,
    device_host_bytes_per_s=50e9,
    serialise_bytes_per_s=2e9,
    node_bytes_per_s=25e9,
    store_write_bytes_per_s=2e12,
    store_read_bytes_per_s=7e12,
    file_operation_s=0.05,
    commit_s=1.0,
)


def test_405b_parameters_weigh_5_67_terabytes_and_a_gpu_holds_350_megabytes() -> None:
    assert SIZE.weight_bytes + SIZE.optimizer_bytes == pytest.approx(5.67e12)
    assert copy_s(SIZE, PATH) * 50e9 == pytest.approx(346e6, rel=1e-3)


def test_the_slowest_part_of_the_pipeline_decides_when_a_checkpoint_is_durable() -> None:
    assert write_s(SIZE, PATH) == pytest.approx(5.67 / 2 + 1.05)
    slow_nic = replace(PATH, node_bytes_per_s=0.1e9)
    assert write_s(SIZE, slow_nic) == pytest.approx(5.67e12 / 2048 / 0.1e9 + 1.05)
    slow_host = replace(PATH, serialise_bytes_per_s=0.05e9)
    assert write_s(SIZE, slow_host) == pytest.approx(5.67e12 / 16_384 / 0.05e9 + 1.05)


def test_replicas_that_read_for_themselves_read_about_a_hundred_terabytes() -> None:
    assert read_bytes(SIZE, PATH) == pytest.approx(5.67e12)
    assert read_bytes(SIZE, replace(PATH, shared_read=False)) == pytest.approx(4.86e12 + 128 * 0.81e12)


def test_a_shared_read_is_faster_though_it_broadcasts() -> None:
    shared, alone = read_s(SIZE, PATH), read_s(SIZE, replace(PATH, shared_read=False))
    # A replica is 128 GPUs: a node gets 8/128 of the weights.
    assert shared == pytest.approx(5.67 / 7 + 0.05 + 0.81e12 * 8 / 128 / 25e9)
    assert alone == pytest.approx(108.54 / 7 + 0.05, rel=1e-6)
    assert shared < alone


def test_only_the_copy_blocks_an_asynchronous_checkpoint() -> None:
    times = copy_s(SIZE, PATH), write_s(SIZE, PATH), read_s(SIZE, PATH)
    assert checkpoint_seconds(SIZE, PATH, asynchronous=True) == times
    assert checkpoint_seconds(SIZE, PATH, asynchronous=False) == (times[1], times[1], times[2])


def test_a_path_without_bandwidth_is_refused() -> None:
    with pytest.raises(InputError, match="store_write_bytes_per_s is 0"):
        checkpoint_seconds(SIZE, replace(PATH, store_write_bytes_per_s=0.0), asynchronous=True)


def test_over_a_front_end_the_nics_of_the_compute_fabric_carry_the_broadcast_only() -> None:
    beside = replace(PATH, node_bytes_per_s=0.1e9, front_end=True)
    assert write_s(SIZE, beside) == pytest.approx(5.67 / 2 + 1.05)
    assert read_s(SIZE, beside) == pytest.approx(5.67 / 7 + 0.05 + 0.81e12 * 8 / 128 / 0.1e9)
