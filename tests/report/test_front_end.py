"""What `topology` says of a front end, and where its links and its graph are found."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.report.network.fabric import fabric_text, topology_json
from sim.report.network.topology_report import topology_report
from topologies import imported

TABLE = """
extends = "tiny"
name = "{name}"

[cluster.front_end]
nic_bandwidth = "200 Gbit/s"
topology = {{ kind = "leaf-spine", radix = 16, down = 8, up = 2 }}
storage_ports = {ports}
"""


def scenario(folder: Path, ports: int) -> str:
    path = folder / f"ports-{ports}.toml"
    path.write_text(TABLE.format(name=path.stem, ports=ports))
    return str(path)


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return topology_json(scenario(tmp_path_factory.mktemp("front-end"), 14), {}, None)


def test_it_counts_its_own_switches_and_cables(answer: dict[str, Any]) -> None:
    # 3 nodes and 14 ports of the store on 3 leaves of 8, two uplinks each to one spine.
    own = answer["front_end"]
    assert (own["nodes"], own["storage_ports"], own["switches_by_tier"]) == (3, 14, {"leaf": 3, "spine": 1})
    assert (own["links_total"], own["links_switch_switch"], own["oversubscription"]) == (17 + 6, 6, [1.0, 17 / 6])
    assert {(line["item"], line["count"]) for line in own["bom"]} == {("switch", 4), ("cable", 6), ("cable", 17)}


def test_the_fabric_is_told_as_without_it(answer: dict[str, Any]) -> None:
    assert {**answer, "front_end": None} == {**topology_json("tiny", {}, None), "front_end": None}


def test_the_store_itself_binds_where_it_is_slower(answer: dict[str, Any]) -> None:
    # nvme-server: 10 GB/s written, 25 GB/s read.
    own = answer["front_end"]
    assert own["write"] == {"bytes_per_s": 10e9, "bound_by": "store", "store_bytes_per_s": 10e9}
    assert own["read"] == {"bytes_per_s": 25e9, "bound_by": "store", "store_bytes_per_s": 25e9}


def test_it_is_told_in_a_few_lines_of_80_columns(answer: dict[str, Any]) -> None:
    text = topology_report(answer)
    assert max(map(len, text.splitlines())) <= 80
    assert "Front end to nvme-server: leaf-spine of infiniband switches\n3 nodes x 1 x 200 Gbit/s, 14 ports" in text
    assert "Store gets       10 GB/s of its 10 GB/s, bound by the store itself" in text
    assert "Front end" not in topology_report(topology_json("tiny", {}, None))


def test_an_export_holds_both_networks_and_is_read_back_as_the_fabric(tmp_path: Path) -> None:
    target, path = scenario(tmp_path, 8), tmp_path / "both.json"
    path.write_text(fabric_text(target, {}, ".json"))
    kinds = [vertex["kind"] for vertex in json.loads(path.read_text())["nodes"]]
    assert (kinds.count("nic"), kinds.count("storage")) == (24 + 3, 8)
    alone = tmp_path / "alone.json"
    alone.write_text(fabric_text("tiny", {}, ".json"))
    back, fabric = imported(file=str(path)), imported(file=str(alone))
    assert dict(back.nodes(data=True)) == dict(fabric.nodes(data=True))
    assert {*map(frozenset, back.edges)} == {*map(frozenset, fabric.edges)}


def test_a_simulator_of_collectives_gets_the_compute_fabric_only(tmp_path: Path) -> None:
    assert fabric_text(scenario(tmp_path, 8), {}, ".txt") == fabric_text("tiny", {}, ".txt")
