"""Small hardware with round numbers, for tests that need a node or a catalog."""

from sim.catalog.records import Accelerator, Cable, Node, Price, PriceBook, Provenance, Switch

SOURCES = {"*": Provenance(source="test", date="2026-01-01", kind="assumed")}


def node(**changes):
    values = {
        "name": "box",
        "accelerator": "chip",
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
        "nameplate_w": 10_000.0,
        "overhead_idle_w": 1000.0,
        "overhead_busy_w": 2000.0,
        "sources": SOURCES,
    }
    return Node(**(values | changes))


def accelerator(**changes):
    values = {
        "name": "chip",
        "vendor": "test",
        "peak_flops_per_s": {"bf16": 1e15},
        "sm_count": 100,
        "hbm_bytes": 80e9,
        "hbm_bandwidth_bytes_per_s": 3e12,
        "hbm_efficiency": 0.9,
        "scale_up_bandwidth_bytes_per_s": 450e9,
        "scale_up_efficiency": 0.8,
        "tdp_w": 700.0,
        "idle_w": 100.0,
        "busy_w": 650.0,
        "communicating_w": 400.0,
        "gemm": {},
        "attention": {},
        "sources": SOURCES,
    }
    return Accelerator(**(values | changes))


def switch(name, ports, gbit=400, technology="ethernet", power_w=1000.0):
    return Switch(
        name=name,
        ports=ports,
        port_bandwidth_bytes_per_s=gbit * 1e9 / 8,
        latency_s=5e-7,
        power_w=power_w,
        technology=technology,
        sources=SOURCES,
    )


def cable(name, medium, reach_m, gbit=400, power_w=10.0):
    return Cable(
        name=name,
        medium=medium,
        bandwidth_bytes_per_s=gbit * 1e9 / 8,
        reach_m=reach_m,
        power_w=power_w,
        latency_s=1e-7,
        sources=SOURCES,
    )


def price_book(prices, currency="USD"):
    return PriceBook(
        name="book",
        currency=currency,
        valid_from="2026-01-01",
        valid_to="2027-01-01",
        prices={key: Price(value=value, unit="USD", provenance=SOURCES["*"]) for key, value in prices.items()},
    )
