"""What the ledger costs: a 54-day run of 16,384 GPUs with 419 failures, beside a plain loop over as many rows."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sim.ledger.bill.cost import price
from sim.ledger.bill.usage import Assets, Usage
from sim.ledger.files.parquet import write_results
from sim.ledger.files.schema import SCHEMAS
from sim.ledger.files.tables import time_table
from sim.ledger.power.energy import energy_ledger
from sim.ledger.time.conservation import check_conservation
from sim.ledger.time.summary import summarize
from sim.ledger.time.time_ledger import net_gpu_us, time_ledger
from sim.workload.profile import STEP_STATES
from tests.cluster.hardware import price_book
from tests.ledger.hardware import ACCELERATOR, BILL, NODE, OWNED, STORAGE
from tests.ledger.traces import long_trace, profile_of


def measure() -> dict[str, float]:
    """Return counts, seconds (the best of several) and their ratios to the reference loop."""
    trace = long_trace(failures=419, nodes=2_048, spares=24, days=54)
    profiles = [profile_of({state: 10**9 + 7 * index for index, state in enumerate(STEP_STATES[:10])})] * 2
    ledger = time_ledger(trace, profiles)
    rows = len(ledger.gpu_us)
    reference_s = _best(lambda: _reference(rows))
    ledger_s = _best(lambda: time_ledger(trace, profiles))
    summary_s = _best(lambda: summarize(trace, ledger, profiles))
    check_s = _best(lambda: check_conservation(trace, ledger))
    energy = energy_ledger(ledger, profiles, NODE, ACCELERATOR, BILL, STORAGE)
    assets = Assets(node="box", nodes=2_072, gpus_per_node=8, bill=BILL, storage="shelf", nameplate_w=2e7)
    usage = Usage(gpus=ledger.gpus, wall_us=ledger.wall_us, time=net_gpu_us(ledger), energy=energy, assets=assets)
    price_s = _best(lambda: price(usage, price_book(OWNED), "own"))
    with tempfile.TemporaryDirectory() as folder:
        tables = {name: schema.empty_table() for name, schema in SCHEMAS.items()}
        tables["time_ledger"] = time_table("0" * 16, ledger)
        directory = Path(folder) / "results"
        write_s = _best(lambda: write_results(directory, tables, {}, force=True))
        size_bytes = (directory / "time_ledger.parquet").stat().st_size
    return {
        "rows": rows,
        "bytes_per_row": size_bytes / rows,
        "reference_s": reference_s,
        "ledger_s": ledger_s,
        "summary_s": summary_s,
        "check_s": check_s,
        "price_s": price_s,
        "write_s": write_s,
        "ledger_and_summary_over_reference": (ledger_s + summary_s) / reference_s,
    }


def _reference(rows: int) -> int:
    """A plain Python loop that splits one amount a row: the least that arithmetic without arrays would cost."""
    total = 0
    for row in range(rows):
        part, remainder = divmod((row << 40) * 7_919, 10**10)
        total += part + (remainder > 5 * 10**9)
    return total


def _best(call: Callable[[], object], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)
