"""Small hardware and price books with round numbers, for the tests of energy and cost."""

from sim.catalog.records import Accelerator, Node, Price, PriceBook, Provenance, Storage
from sim.cluster.records import BomLine

ASSUMED = Provenance(source="chosen for the test", date="2026-01-01", kind="assumed")
SOURCES = {"*": ASSUMED}

ACCELERATOR = Accelerator(
    name="x1",
    vendor="none",
    peak_flops_per_s={"bf16": 1e15},
    sm_count=100,
    hbm_bytes=80e9,
    hbm_bandwidth_bytes_per_s=3e12,
    hbm_efficiency=0.9,
    scale_up_bandwidth_bytes_per_s=450e9,
    scale_up_efficiency=0.8,
    tdp_w=700.0,
    idle_w=100.0,
    busy_w=600.0,
    communicating_w=400.0,
    gemm={},
    attention={},
    sources=SOURCES,
)

NODE = Node(
    name="box",
    accelerator="x1",
    accelerators=8,
    scale_up_domain=8,
    scale_up_latency_s=1e-6,
    scale_up_switches=4,
    nics=8,
    nic_bandwidth_bytes_per_s=50e9,
    nic_latency_s=1e-6,
    network_technology="ethernet",
    host_to_device_bandwidth_bytes_per_s=50e9,
    nameplate_w=10_000.0,
    overhead_idle_w=1_600.0,
    overhead_busy_w=2_400.0,
    sources=SOURCES,
)

STORAGE = Storage(
    name="shelf",
    capacity_bytes=1e15,
    write_bandwidth_bytes_per_s=1e11,
    read_bandwidth_bytes_per_s=1e11,
    file_operation_s=0.0,
    commit_s=0.0,
    servers=4,
    server_power_w=500.0,
    sources=SOURCES,
)

BILL = (
    BomLine(item="server", name="box", count=3, power_w=10_000.0),
    BomLine(item="switch", name="leaf", count=2, power_w=1_000.0),
    BomLine(item="cable", name="dac", count=50, power_w=2.0),
)

OWNED = {
    "server/box": 400_000.0,
    "switch/leaf": 30_000.0,
    "cable/dac": 100.0,
    "storage/shelf": 1_000_000.0,
    "life/server": 4.0,
    "life/network": 5.0,
    "life/storage": 5.0,
    "life/facility": 15.0,
    "residual/server": 0.1,
    "capital/rate": 0.08,
    "facility/watt": 12.5,
    "energy/kwh": 0.07,
    "energy/pue": 1.25,
    "carbon/kwh": 0.4137,
    "staff/operations": 2.0,
    "staff/research": 10.0,
    "staff/fte": 400_000.0,
    "data/run": 123_456.78,
}

RENTED = {
    "rent-on-demand/box": 4.0,
    "rent-reserved/box": 2.0,
    "energy/pue": 1.25,
    "carbon/kwh": 0.4137,
    "staff/operations": 2.0,
    "staff/research": 10.0,
    "staff/fte": 400_000.0,
    "data/run": 123_456.78,
}


def book_of(prices: dict[str, float], currency: str = "USD") -> PriceBook:
    """A book that is valid in 2026."""
    listed = {key: Price(value=value, unit="USD", provenance=ASSUMED) for key, value in prices.items()}
    return PriceBook(name="test", currency=currency, valid_from="2026-01-01", valid_to="2027-01-01", prices=listed)
