"""A catalog file that is wrong gives one line that names the file, the key, what was got and what was expected."""

from copy import deepcopy
from typing import Any

import pytest

from sim.catalog.load import parse_node
from sim.catalog.read import read_fields, read_provenance, read_toml
from sim.catalog.records import Cable, Model, SoftwareProfile
from sim.errors import InputError, UnknownNameError

SOURCE = {"source": "a data sheet", "date": "2024-07", "kind": "published"}
CABLE: dict[str, Any] = {
    "medium": "optic",
    "bandwidth_bytes_per_s": 50e9,
    "reach_m": 50,
    "power_w": 16,
    "latency_s": 250e-9,
    "sources": {"*": SOURCE},
}
NODE: dict[str, Any] = {
    "accelerator": "h100-sxm",
    "accelerators": 8,
    "scale_up_domain": 8,
    "scale_up_latency_s": 1e-6,
    "scale_up_switches": 4,
    "nics": 8,
    "nic_bandwidth_bytes_per_s": 50e9,
    "nic_latency_s": 1e-6,
    "network_technology": "ethernet",
    "cpus": 2,
    "pcie_switches": 4,
    "pcie_bandwidth_bytes_per_s": 63e9,
    "host_to_device_bandwidth_bytes_per_s": 50e9,
    "nameplate_w": 10200,
    "overhead_idle_w": 1,
    "overhead_busy_w": 1,
    "sources": {"*": SOURCE},
}


def changed(table: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {**deepcopy(table), **values}


def message(table: dict[str, Any], record: type = Cable) -> str:
    with pytest.raises(InputError) as error:
        read_fields(record, table, "my.toml: cable.x")
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("my.toml: cable.x")
    return text


def test_a_whole_table_gives_every_field_as_its_type() -> None:
    values = read_fields(Cable, CABLE, "my.toml")
    assert Cable(name="x", **values).reach_m == 50.0
    assert isinstance(values["reach_m"], float)


def test_a_missing_field_is_named() -> None:
    table = {key: value for key, value in CABLE.items() if key != "reach_m"}
    assert message(table) == "my.toml: cable.x: missing field 'reach_m'"


def test_an_unknown_field_names_the_nearest() -> None:
    assert "unknown field 'reach'; did you mean 'reach_m'?" in message(changed(CABLE, reach=50))


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_number_that_is_not_positive_is_refused(value: float) -> None:
    assert f"cable.x.power_w: got {value!r}, expected a number that is positive" in message(
        changed(CABLE, power_w=value)
    )


@pytest.mark.parametrize("value", ["16 W", True, [16]])
def test_a_number_of_another_type_is_refused(value: object) -> None:
    assert f"cable.x.power_w: got {value!r}, expected a number" in message(changed(CABLE, power_w=value))


def test_a_count_must_be_whole() -> None:
    with pytest.raises(InputError, match=r"node\.x\.nics: got 8\.0, expected a whole number"):
        parse_node("x", changed(NODE, nics=8.0), "my.toml: node.x")


def test_a_choice_names_the_nearest() -> None:
    assert "cable.x.medium: unknown medium 'opti'; did you mean 'optic'?" in message(changed(CABLE, medium="opti"))


def test_a_switch_of_behaviour_must_be_true_or_false() -> None:
    table = changed({"sources": {"*": SOURCE}}, tensor_overlap=0.0, context_ring=True, data_overlap=1)
    names = ("gradient_bytes", "reduce_bytes", "launch_s", "step_overhead_s", "serialise_bytes_per_s")
    names += ("expert_overlap", "dispatch_bytes")
    fields = dict.fromkeys(names, 1.0)
    table |= {
        "expert_exchange": "pairwise",
        "attention_kernel": "best",
        "kernel_launch": "queued",
        "fp8_scaling": "delayed",
        "rank_order": "tensor-context-pipeline-data",
    }
    flags = ("permutation_fused", "grouped_products", "loss_fused")
    flags += (
        "pipeline_overlap",
        "fused_gradient_accumulation",
        "discard_cheap",
        "recompute_stops_early",
        "elementwise_fused",
        "flash_attention",
    )
    assert "data_overlap: got 1, expected true or false" in message(
        {**table, **fields, **dict.fromkeys(flags, True)}, SoftwareProfile
    )


def test_zero_is_allowed_only_where_it_means_something() -> None:
    shape = {"layers": 1, "hidden": 8, "heads": 1, "kv_heads": 1, "head_dim": 8, "ffn_hidden": 32, "vocab": 10}
    rest = {"gated_ffn": False, "tied_embeddings": False, "attention": "mha", "sources": {"*": SOURCE}}
    assert read_fields(Model, {**shape, **rest, "experts": 0}, "m")["experts"] == 0
    assert "layers: got 0" in message({**shape, **rest, "layers": 0}, Model)


def test_a_number_without_provenance_is_refused() -> None:
    sources = {name: SOURCE for name in CABLE if name not in ("sources", "latency_s")}
    assert message(changed(CABLE, sources=sources)) == (
        "my.toml: cable.x: field 'latency_s' has no provenance in 'sources'"
    )


def test_no_provenance_at_all_is_refused() -> None:
    table = {key: value for key, value in CABLE.items() if key != "sources"}
    assert "has no provenance" in message(table)


def test_a_provenance_of_an_unknown_field_is_refused() -> None:
    assert "unknown field 'reech_m'; did you mean 'reach_m'?" in message(
        changed(CABLE, sources={"*": SOURCE, "reech_m": SOURCE})
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "guessed"}, "unknown kind 'guessed'"),
        ({"date": "July 2024"}, "expected a year, month or day"),
        ({"source": " "}, "got an empty text"),
        ({"who": "me"}, "unknown field 'who'"),
    ],
)
def test_a_provenance_is_checked(change: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_provenance({**SOURCE, **change}, "my.toml")


def test_a_node_of_an_unknown_accelerator_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"node\.x\.accelerator: .*did you mean 'h100-sxm'\?"):
        parse_node("x", changed(NODE, accelerator="h100-smx"), "my.toml: node.x")


def test_a_domain_holds_whole_nodes() -> None:
    with pytest.raises(InputError, match=r"scale_up_domain: got 12 for nodes of 8, expected a multiple"):
        parse_node("x", changed(NODE, scale_up_domain=12), "my.toml: node.x")


def test_a_file_that_cannot_be_read_or_is_no_toml_is_one_line(tmp_path: Any) -> None:
    with pytest.raises(InputError, match=r"mine\.toml: cannot be read: No such file"):
        read_toml(tmp_path / "absent.toml", "mine.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(InputError, match=r"mine\.toml: not valid TOML"):
        read_toml(broken, "mine.toml")
