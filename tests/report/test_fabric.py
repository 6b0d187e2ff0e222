"""The table of a collective by size, as nccl-tests prints it."""

import json
from collections import Counter

import pytest

from sim.errors import LayoutError, ScenarioError
from sim.report.network.fabric import TABLE_BYTES, fabric_text, topology_json
from sim.report.network.topology_report import topology_report


def table(kind: str) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = topology_json("leaf-spine", {"endpoints": 16, "radix": 8}, kind)["collective"][
        "by_size"
    ]
    return rows


@pytest.mark.parametrize(
    ("kind", "factor"), [("all-reduce", 30 / 16), ("all-gather", 15 / 16), ("all-to-all", 15 / 16)]
)
def test_bandwidths_are_size_over_time_and_its_busbw(kind: str, factor: float) -> None:
    rows = table(kind)
    assert [row["size_bytes"] for row in rows] == list(TABLE_BYTES)
    for row in rows:
        assert row["algbw"] == pytest.approx(row["size_bytes"] / row["time_s"])
        assert row["busbw"] == pytest.approx(row["algbw"] * factor)


@pytest.mark.parametrize("kind", ["all-reduce", "all-gather", "reduce-scatter", "all-to-all"])
def test_time_and_bandwidth_rise_with_size_from_latency_to_a_link(kind: str) -> None:
    rows = table(kind)
    assert [row["time_s"] for row in rows] == sorted(row["time_s"] for row in rows)
    assert [row["algbw"] for row in rows] == sorted(row["algbw"] for row in rows)
    assert (rows[0]["bottleneck"], rows[-1]["bottleneck"]) == ("latency", "nic")


def test_the_table_is_shown_where_a_collective_is_asked_for_and_fits_80_columns() -> None:
    asked = topology_report(topology_json("fat-tree", {"k": 4}, "all-reduce"))
    assert "16 GiB" in asked
    assert max(map(len, asked.splitlines())) <= 80
    assert "16 GiB" not in topology_report(topology_json("fat-tree", {"k": 4}, None))


def test_the_inside_of_nodes_is_shown_for_scenarios_and_fits_80_columns() -> None:
    answer = topology_json("tiny", {}, None, inside=True)
    assert answer["inside"]["affinity"]["gpu-0"]["nic-0"] == "PIX"
    assert answer["inside"]["uses"]["gpu-7"] == ["nic-7"]
    lines = topology_report(answer).splitlines()
    assert any(line.startswith("gpu-7") and line.split()[8] == "PIX*" for line in lines)
    assert max(map(len, lines)) <= 80
    assert "inside" not in topology_json("tiny", {}, None)
    with pytest.raises(ScenarioError, match="has no nodes; expected a scenario"):
        topology_json("fat-tree", {"k": 4}, None, inside=True)


def test_the_exported_graph_holds_the_inside_of_every_node() -> None:
    bare, whole = (json.loads(fabric_text("tiny", {}, ".json", inside=each)) for each in (False, True))
    kinds = Counter(vertex["kind"] for vertex in whole["nodes"])
    assert (kinds["gpu"], kinds["nvswitch"], kinds["nic"]) == (24, 12, 24)
    assert len(whole["nodes"]) - len(bare["nodes"]) == 3 * (8 + 4 + 4 + 2)
    with pytest.raises(ScenarioError, match=r"\.txt hold the fabric alone"):
        fabric_text("tiny", {}, ".txt", inside=True)


def test_more_messages_than_a_computer_holds_are_refused_before_they_are_made() -> None:
    with pytest.raises(
        LayoutError, match="255,984,000 messages; expected at most 33,554,432, such as one group of 5,792"
    ):
        topology_json("fat-tree", {"k": 40}, "all-to-all")
