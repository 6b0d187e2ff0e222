"""The catalog as shipped: names resolve, numbers equal their data sheets, and every one says where it comes from."""

from dataclasses import replace
from typing import Any

import pytest

from sim import catalog
from sim.catalog.load import parse_accelerator
from sim.catalog.records import Cable
from sim.errors import InputError, UnknownNameError
from sim.workload.kernels import ELEMENT_BYTES

GIB = 2**30
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


@pytest.mark.parametrize("name", catalog.names("accelerator"))
def test_an_accelerator_draws_more_the_more_it_does_and_never_more_than_its_limit(name: str) -> None:
    one = catalog.accelerator(name)
    assert one.idle_w < one.communicating_w < one.busy_w <= one.tdp_w


@pytest.mark.parametrize("name", catalog.names("accelerator"))
def test_every_precision_with_a_peak_has_a_curve(name: str) -> None:
    one = catalog.accelerator(name)
    assert set(one.peak_flops_per_s) == set(one.gemm) == set(one.grouped) <= set(ELEMENT_BYTES)
    assert {"bf16", "fp16"} <= set(one.attention)
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
    assert 0.2 <= idle_w / node.nameplate_w <= 0.25


def test_a_training_dgx_h100_draws_between_the_published_fractions() -> None:
    node = catalog.node("dgx-h100")
    busy_w = 8 * catalog.accelerator("h100-sxm").busy_w + node.overhead_busy_w
    assert 0.76 * 10200 <= busy_w <= 8400


@pytest.mark.parametrize(
    ("name", "ports", "gbit_per_s", "technology"),
    [
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
    bandwidths = {catalog.node(name).nic_bandwidth_bytes_per_s for name in catalog.names("node")}
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
