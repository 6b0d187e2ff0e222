"""What a store gives over its network, against published measurements."""

import pytest

from sim.cluster.front_end import Ports, build_front_end, store_access

TIB = 2**40


def test_3fs_reads_at_four_fifths_of_what_the_ports_of_its_store_carry() -> None:
    # README of deepseek-ai/3FS, "Peak throughput": 180 storage nodes with 2 x 200 Gbit/s, 500 clients with one each,
    # 6.6 TiB/s read beside the traffic of training jobs. A fluid without other traffic is a ceiling.
    ports = Ports(nics=1, nic_bandwidth_bytes_per_s=25e9, storage_ports=360, storage_port_bandwidth_bytes_per_s=25e9)
    access = store_access(build_front_end("fat-tree", {"k": 16}, ports, 500, "infiniband"), 500)
    assert access.bottleneck == "storage"
    assert access.bytes_per_s == pytest.approx(9.0e12)
    assert 6.6 * TIB / access.bytes_per_s == pytest.approx(0.806, abs=0.001)
