"""Small hardware and price books with round numbers, for the tests of energy and cost."""

from sim.catalog.records import Storage
from sim.cluster.records import BomLine
from tests.cluster.hardware import SOURCES, accelerator, node

ACCELERATOR = accelerator(busy_w=600.0)

NODE = node(overhead_idle_w=1_600.0, overhead_busy_w=2_400.0)

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
