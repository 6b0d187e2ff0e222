"""The catalog as shipped: names resolve, numbers equal their data sheets, and every one says where it comes from."""

from dataclasses import fields, replace
from typing import Any

import pytest

from sim import catalog
from sim.catalog.load import parse_accelerator, parse_node
from sim.catalog.records import Cable, Node
from sim.errors import InputError, UnknownNameError
from sim.workload.kernels import ELEMENT_BYTES

GIB = 2**30
TPUS = ("tpu-v3", "tpu-v4", "tpu-v5e", "tpu-v5p", "tpu-v6e")
ENTRIES = [(kind, name) for kind in catalog.KINDS for name in catalog.names(kind)]


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_number_has_source_date_and_kind(kind: str, name: str) -> None:
    rows = catalog.describe(kind, name)
    assert rows
    for row in rows:
        if isinstance(row.value, bool | int | float):
            assert all((row.source, row.date, row.kind)), row


@pytest.mark.parametrize(
    ("name", "bf16", "fp8", "nvfp4", "sm_count", "memory_gib", "hbm_tb_per_s", "scale_up_gb_per_s", "tdp_w"),
    [
        ("a100-80gb-sxm", 312, None, None, 108, 80, 2.039, 300, 400),
        ("h100-sxm", 989.4, 1978.9, None, 132, 80, 3.35, 450, 700),
        ("h800-sxm", 989.4, 1978.9, None, 132, 80, 3.35, 200, 700),
        ("h200-sxm", 989.4, 1978.9, None, 132, 141, 4.8, 450, 700),
        ("b200", 2250, 4500, 9000, 148, 180, 8.0, 900, 1000),
        ("gb200", 2500, 5000, 10000, 152, 186, 8.0, 900, 1200),
        ("gb300", 2500, 5000, 15000, 152, 268.2, 8.0, 900, 1400),
        ("h100-96gb-500w", 989.4, 1978.9, None, 132, 95, 2.4, 450, 500),
        ("a100-40gb-sxm", 312, None, None, 108, 40, 1.555, 300, 400),
        ("b100", 1750, 3500, 7000, 148, 180, 8.0, 900, 700),
        ("mi300x", 1307.4, 2614.9, None, 304, 192, 5.3, 448, 750),
        ("trainium1", 190, None, None, 2, 32, 0.82, 384, 142),
        ("trainium2", 667, 1299, None, 8, 96, 2.9, 640, 500),
    ],
)
def test_accelerators_equal_their_data_sheets(
    name: str,
    bf16: float,
    fp8: float | None,
    nvfp4: float | None,
    sm_count: int,
    memory_gib: float,
    hbm_tb_per_s: float,
    scale_up_gb_per_s: float,
    tdp_w: float,
) -> None:
    one = catalog.accelerator(name)
    mxfp8 = fp8 if nvfp4 else None  # Block scales of 32 and 4-bit products came together, with Blackwell.
    published = {"bf16": bf16, "fp16": bf16, "fp8": fp8, "mxfp8": mxfp8, "nvfp4": nvfp4}
    assert one.peak_flops_per_s == {key: peak * 1e12 for key, peak in published.items() if peak is not None}
    assert one.sm_count == sm_count
    assert one.hbm_bytes / GIB == pytest.approx(memory_gib, rel=0.006)
    assert one.hbm_bandwidth_bytes_per_s == pytest.approx(hbm_tb_per_s * 1e12)
    assert one.scale_up_bandwidth_bytes_per_s == scale_up_gb_per_s * 1e9
    assert one.tdp_w == tdp_w


@pytest.mark.parametrize(
    ("name", "precision", "peak", "units", "memory_gib", "hbm_gb_per_s", "link_gb_per_s", "links", "tdp_w"),
    [
        ("p100-sxm2", "fp16", 21.2, 56, 16, 732, 20, 4, 300),
        ("v100-32gb-sxm2", "fp16", 125, 80, 32, 900, 25, 6, 300),
        ("v100-32gb-sxm3", "fp16", 125, 80, 32, 900, 25, 6, 350),
        ("tpu-v3", "bf16", 123, 4, 32, 900, 82, 4, 262),
        ("tpu-v4", "bf16", 275, 8, 32, 1200, 50, 6, 192),
        ("tpu-v5e", "bf16", 197, 4, 16, 819, 50, 4, 137),
        ("tpu-v5p", "bf16", 459, 8, 95, 2765, 100, 6, 320),
        ("tpu-v6e", "bf16", 918, 8, 32, 1640, 100, 4, 382),
    ],
)
def test_accelerators_of_one_precision_equal_their_data_sheets(
    name: str,
    precision: str,
    peak: float,
    units: int,
    memory_gib: float,
    hbm_gb_per_s: float,
    link_gb_per_s: float,
    links: int,
    tdp_w: float,
) -> None:
    one = catalog.accelerator(name)
    peaks = {key: value for key, value in one.peak_flops_per_s.items() if key != "fp32"}
    assert (peaks, one.wide_peak_flops_per_s) == ({precision: peak * 1e12}, peak * 1e12)
    assert (one.sm_count, one.hbm_bytes / GIB, one.tdp_w) == (units, memory_gib, tdp_w)
    assert one.hbm_bandwidth_bytes_per_s == hbm_gb_per_s * 1e9
    assert one.scale_up_bandwidth_bytes_per_s == links * link_gb_per_s * 1e9


def test_without_tensor_cores_fp32_runs_at_half_of_fp16() -> None:
    peaks = {name: catalog.accelerator(name).peak_flops_per_s for name in catalog.names("accelerator")}
    assert {name for name, known in peaks.items() if "fp32" in known} == {"p100-sxm2"}
    assert 2 * peaks["p100-sxm2"]["fp32"] == peaks["p100-sxm2"]["fp16"]


def test_powers_that_nobody_published_follow_from_their_rules() -> None:
    peak = {name: catalog.accelerator(name).wide_peak_flops_per_s for name in catalog.names("accelerator")}
    tdp_w = {name: catalog.accelerator(name).tdp_w for name in catalog.names("accelerator")}
    for name in ("tpu-v5e", "tpu-v5p"):
        assert tdp_w[name] == pytest.approx(tdp_w["tpu-v4"] * peak[name] / peak["tpu-v4"], abs=1)
    assert tdp_w["tpu-v6e"] == pytest.approx(tdp_w["tpu-v5e"] * peak["tpu-v6e"] / peak["tpu-v5e"] / 1.67, abs=1)
    assert tdp_w["trainium1"] == pytest.approx(tdp_w["trainium2"] * peak["trainium1"] / peak["trainium2"], abs=1)


@pytest.mark.parametrize("name", catalog.names("accelerator"))
def test_an_accelerator_draws_more_the_more_it_does_and_never_more_than_its_limit(name: str) -> None:
    one = catalog.accelerator(name)
    assert one.idle_w < one.communicating_w < one.busy_w <= one.tdp_w


@pytest.mark.parametrize("name", catalog.names("accelerator"))
def test_every_precision_with_a_peak_has_a_curve(name: str) -> None:
    one = catalog.accelerator(name)
    assert set(one.peak_flops_per_s) == set(one.gemm) == set(one.grouped) <= set(ELEMENT_BYTES)
    assert {"fp32", "bf16", "fp16"} & set(one.peak_flops_per_s) == set(one.attention)
    assert 0.5 < one.hbm_efficiency <= 1


def test_measured_ring_efficiencies_are_the_ratios_that_they_cite() -> None:
    measured = {"a100-80gb-sxm": 231.58 / 300, "h100-sxm": 370 / 450, "h800-sxm": 160 / 200, "b200": 682.2 / 900}
    for name, ratio in measured.items():
        assert catalog.accelerator(name).scale_up_efficiency == pytest.approx(ratio, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "accelerators", "domain", "nics", "nic_gbit_per_s", "nameplate_w"),
    [
        ("dgx-a100", 8, 8, 8, 200, 6500),
        ("dgx-h100", 8, 8, 8, 400, 10200),
        ("grand-teton-h100", 8, 8, 8, 400, 10200),
        ("hgx-h800", 8, 8, 8, 400, 10200),
        ("dgx-h200", 8, 8, 8, 400, 10200),
        ("dgx-b200", 8, 8, 8, 400, 14300),
        ("gb200-nvl72", 4, 72, 4, 400, 6667),
        ("gb300-nvl72", 4, 72, 4, 800, 7400),
        ("grand-teton-h100-96gb-500w", 8, 8, 8, 400, 8600),
        ("dgx-a100-40gb", 8, 8, 8, 200, 6500),
        ("jean-zay-a100", 8, 8, 4, 100, 6500),
        ("hgx-a100-4x200g", 8, 8, 4, 200, 6500),
        ("ibm-a100-2x200g", 8, 8, 2, 200, 6500),
        ("dgx-1-p100", 8, 8, 4, 100, 3200),
        ("dgx-1-v100", 8, 8, 4, 100, 3500),
        ("dgx-2", 16, 16, 8, 100, 10000),
        ("hgx-b100", 8, 8, 8, 400, 10200),
        ("mi300x-platform", 8, 8, 8, 400, 10800),
        ("trn1-32xlarge", 16, 16, 8, 100, 4090),
        ("trn2-48xlarge", 16, 16, 16, 200, 14400),
    ],
)
def test_nodes_equal_their_data_sheets(
    name: str, accelerators: int, domain: int, nics: int, nic_gbit_per_s: float, nameplate_w: float
) -> None:
    node = catalog.node(name)
    assert (node.accelerators, node.scale_up_domain, node.nics) == (accelerators, domain, nics)
    assert node.nic_bandwidth_bytes_per_s * 8 == nic_gbit_per_s * 1e9
    assert node.nameplate_w == nameplate_w


@pytest.mark.parametrize(
    ("name", "gb_per_s"),
    [("jean-zay-a100", 6.25), ("hgx-a100-4x200g", 12.5), ("ibm-a100-2x200g", 6.25), ("dgx-a100", 25)],
)
def test_a100_nodes_differ_in_the_network_of_a_gpu(name: str, gb_per_s: float) -> None:
    """The shares that the network column of training_calibration.csv states."""
    node = catalog.node(name)
    assert node.nics * node.nic_bandwidth_bytes_per_s / node.accelerators == gb_per_s * 1e9


@pytest.mark.parametrize("name", catalog.names("node"))
def test_a_busy_node_draws_three_quarters_of_its_nameplate(name: str) -> None:
    node = catalog.node(name)
    one = catalog.accelerator(node.accelerator)
    busy_w = node.accelerators * one.busy_w + node.overhead_busy_w
    idle_w = node.accelerators * one.idle_w + node.overhead_idle_w
    assert 0.74 <= busy_w / node.nameplate_w <= 0.82
    # The smallest power that Google measured of a chip is nearly half of the largest.
    low, high = (0.4, 0.45) if one.vendor == "Google" else (0.2, 0.25)
    assert low <= idle_w / node.nameplate_w <= high


@pytest.mark.parametrize("name", TPUS)
def test_a_tpu_host_has_no_scale_up_domain_and_its_network_is_its_chips_own(name: str) -> None:
    node, chip = catalog.node(name), catalog.accelerator(name)
    assert (node.scale_up_domain, node.scale_up_switches, node.nics) == (1, 0, node.accelerators)
    assert node.nic_bandwidth_bytes_per_s == chip.scale_up_bandwidth_bytes_per_s
    assert chip.collective_engines
    assert node.nameplate_w == pytest.approx(1.56 * node.accelerators * chip.tdp_w, abs=1)


def test_a_training_dgx_h100_draws_between_the_published_fractions() -> None:
    node = catalog.node("dgx-h100")
    busy_w = 8 * catalog.accelerator("h100-sxm").busy_w + node.overhead_busy_w
    assert 0.76 * 10200 <= busy_w <= 8400


@pytest.mark.parametrize(
    ("name", "ports", "gbit_per_s", "technology"),
    [
        ("sb7890", 36, 100, "infiniband"),
        ("qm8790", 40, 200, "infiniband"),
        ("qm9700", 64, 400, "infiniband"),
        ("q3400", 144, 800, "infiniband"),
        ("minipack2", 64, 400, "ethernet"),
        ("arista-7816r3", 576, 400, "ethernet"),
        ("sn5600", 64, 800, "ethernet"),
    ],
)
def test_switches_equal_their_data_sheets(name: str, ports: int, gbit_per_s: float, technology: str) -> None:
    one = catalog.switch(name)
    assert (one.ports, one.port_bandwidth_bytes_per_s * 8, one.technology) == (ports, gbit_per_s * 1e9, technology)


def test_every_nic_finds_copper_in_its_rack_and_optics_across_the_hall() -> None:
    switched = {*catalog.names("node")} - {*TPUS}
    bandwidths = {catalog.node(name).nic_bandwidth_bytes_per_s for name in switched}
    for bandwidth in bandwidths:
        same = [one for one in catalog.cables() if one.bandwidth_bytes_per_s == bandwidth]
        assert any(one.medium == "copper" and one.reach_m >= 2 for one in same)
        assert any(one.medium == "optic" and one.reach_m >= 100 for one in same)


@pytest.mark.parametrize("cable", catalog.cables(), ids=lambda one: one.name)
def test_light_and_signals_take_five_nanoseconds_a_metre(cable: Cable) -> None:
    assert cable.latency_s == pytest.approx(5e-9 * cable.reach_m)


def test_the_llama_store_is_as_published() -> None:
    store = catalog.storage("tectonic-2024")
    assert (store.capacity_bytes, store.servers) == (240e15, 7500)
    assert (store.write_bandwidth_bytes_per_s, store.read_bandwidth_bytes_per_s) == (2e12, 7e12)


def test_an_unknown_name_gives_the_nearest_of_its_kind() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown node 'dgx-h10'; did you mean 'dgx-h100'\?"):
        catalog.node("dgx-h10")
    with pytest.raises(UnknownNameError, match=r"unknown catalog kind 'nodes'; did you mean 'node'\?"):
        catalog.names("nodes")
    with pytest.raises(UnknownNameError, match="unknown price book '2026'"):
        catalog.price_book("2026")


NODE_FIELDS = [field.name for field in fields(Node) if field.name not in ("name", "sources")]
SOURCE = {"source": "a data sheet", "date": "2024-07", "kind": "measured"}
KERNELS: dict[str, Any] = {
    "gemm": {"x": {"bf16": {"asymptote": 0.7, "wave_exponent": 0.5, "k_half": 300, **SOURCE}}},
    "grouped": {"x": {"bf16": {"asymptote": 0.6, "wave_exponent": 0, "k_half": 300, **SOURCE}}},
    "attention": {
        "x": {
            "bf16": {
                "forward_asymptote": 0.6,
                "forward_s_half": 500,
                "backward_asymptote": 0.5,
                "backward_s_half": 600,
                "rows": 12,
                **SOURCE,
            }
        }
    },
    "hbm": {"x": {"efficiency": 0.87, **SOURCE}},
}
X = {
    "vendor": "a vendor",
    "peak_flops_per_s": {"bf16": 1e15},
    "sm_count": 100,
    "hbm_bytes": 8e10,
    "hbm_bandwidth_bytes_per_s": 3e12,
    "scale_up_bandwidth_bytes_per_s": 4e11,
    "scale_up_efficiency": 0.8,
    "tdp_w": 700,
    "idle_w": 70,
    "busy_w": 600,
    "communicating_w": 350,
    "speed_spread": 0,
    "sources": {"*": SOURCE},
}


def test_a_scale_up_domain_is_whole_nodes_or_none() -> None:
    table = {**{field: getattr(catalog.node("dgx-h100"), field) for field in NODE_FIELDS}, "sources": {"*": SOURCE}}
    assert parse_node("x", {**table, "scale_up_domain": 1}, "my.toml: node.x").scale_up_domain == 1
    with pytest.raises(InputError, match=r"scale_up_domain: got 12 for nodes of 8, expected a multiple, or 1 for none"):
        parse_node("x", {**table, "scale_up_domain": 12}, "my.toml: node.x")


def test_curves_join_their_accelerator_with_their_own_provenance() -> None:
    one = parse_accelerator("x", X, KERNELS, "my.toml: accelerator.x")
    assert one.gemm["bf16"].k_half == 300
    assert one.attention["bf16"].backward_asymptote == 0.5
    assert one.hbm_efficiency == 0.87
    assert one.sources["gemm.bf16"].kind == "measured"


def test_a_peak_without_a_curve_is_refused() -> None:
    table = {**X, "peak_flops_per_s": {"bf16": 1e15, "fp8": 2e15}}
    with pytest.raises(InputError, match=r"gemm\.x: no curve for 'fp8'"):
        parse_accelerator("x", table, KERNELS, "my.toml: accelerator.x")


def test_an_accelerator_without_curves_is_refused() -> None:
    with pytest.raises(InputError, match=r'kernels\.toml: no table \[gemm\."y"\]'):
        parse_accelerator("y", X, KERNELS, "my.toml: accelerator.y")


def test_a_curve_without_provenance_is_refused() -> None:
    kernels = {**KERNELS, "hbm": {"x": {"efficiency": 0.87}}}
    with pytest.raises(InputError, match=r"hbm\.x: missing field 'source'"):
        parse_accelerator("x", X, kernels, "my.toml: accelerator.x")


def test_a_power_cap_lowers_the_asymptotes_and_nothing_else() -> None:
    """((500 - 70) / (700 - 70)) ** (1/3) = 0.88 of the clock of an H100 at 700 W."""
    full, capped = catalog.accelerator("h100-sxm"), catalog.accelerator("h100-96gb-500w")
    level = (430 / 630) ** (1 / 3)
    assert capped.gemm["bf16"].asymptote == pytest.approx(level * full.gemm["bf16"].asymptote, abs=1e-4)
    assert capped.attention["bf16"].forward_asymptote == pytest.approx(
        level * full.attention["bf16"].forward_asymptote, abs=1e-4
    )
    assert replace(capped.gemm["bf16"], asymptote=0.0) == replace(full.gemm["bf16"], asymptote=0.0)
    assert capped.sources["gemm.bf16"].kind == "assumed"
    assert "500 W" in capped.sources["gemm.bf16"].note
