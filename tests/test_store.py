"""A run whose store fails, from the scenario to the bill."""

from pathlib import Path

from sim.ledger.explain.failures import COLUMNS, cause_costs
from sim.scenario import load_scenario
from sim.simulate import simulate

SCENARIO = """
name = "store"
extends = "tiny"

[checkpoint]
asynchronous = false
interval = { kind = "fixed", every = "5 min" }

[failures]
causes = [{ component = "storage", name = "file system", kind = "exponential", mean = "6 h", repair = "40 min" }]
"""


def test_what_waits_for_a_store_is_on_the_bill_of_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "store.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    result = simulate(load_scenario(str(path)))
    assert result.usage is not None
    assert result.costs is not None
    failures = result.summary.failures
    (found,) = cause_costs(result.usage, result.costs, failures)
    waited_us = sum(row.duration_us * row.nodes for row in result.trace.segments if row.cause == "file system")
    assert failures["file system"] > 1
    assert found.interruptions == 0
    gpus = result.trace.gpus_per_node
    assert found.gpu_us == dict.fromkeys(COLUMNS, 0) | {"waiting": gpus * waited_us}
    assert found.micro_usd["waiting"] > 0
    # Almost all of each outage: the job steps until the checkpoint is due.
    out_us = failures["file system"] * 40 * 60_000_000
    assert out_us - failures["file system"] * 5.1 * 60_000_000 < waited_us / result.trace.nodes < 1.01 * out_us
