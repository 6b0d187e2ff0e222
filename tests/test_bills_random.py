"""What holds of every bill, whatever fails and on whatever terms: exactly, and through the files of its results."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.ledger.bill.cost import pool_usd, total_usd
from sim.ledger.files.stored import read_book
from sim.report.money.pricing import repriced
from sim.report.run.answers import run_json
from sim.report.run.results import write_run
from sim.scenario import scenario_of
from sim.simulate import RunResult, simulate
from tests.random_scenarios import LEAF_SPINE, Tree, ordering, trees
from tests.test_scenarios_random import LOG, sized

OWNED: Tree = {"prices": "2026-owned", "acquisition": "own"}
RENTED: Tree = {"prices": "2026-rented"}
CONTRACT = {"name": "a", "from": "2026-02-20", "to": "2026-03-02", "price": "1.9 USD"}

BILLS = st.one_of(
    st.fixed_dictionaries(
        {key: st.just(value) for key, value in OWNED.items()},
        optional={
            "absorb": st.booleans(),
            "depreciation": st.sampled_from(["straight-line", "declining-balance"]),
            "ramp": st.just("60 d"),
            "credit": st.sampled_from(["10 USD", "1e9 USD"]),
            "commitment": st.just("1e6 USD"),
            "teams": st.just([{"name": "lab", "fte": 3, "before": "30 d"}]),
            "grid": st.sampled_from(["france", "india"]),
            "pue_by_month": st.just([1.1] * 6 + [1.3] * 6),
            "delay_per_day": st.just("1000 USD"),
        },
    ),
    st.fixed_dictionaries(
        {"prices": st.just(RENTED["prices"]), "acquisition": st.sampled_from(["on-demand", "reserved"])},
        optional={"egress": st.just("5 TB")},
    ),
    st.just({**RENTED, "acquisition": "reserved", "contracts": [CONTRACT]}),
    st.just({**RENTED, "acquisition": "reserved", "committed": "30 d"}),
)


def billed(tree: Tree, cost: Tree) -> RunResult | None:
    """Return a random run with a bill, None where it asks for what does not go together."""
    if tree["cluster"]["node"] != "dgx-h100":
        return None
    cluster = {"topology": LEAF_SPINE, **tree["cluster"], "storage": "nvme-server"}
    run = {**tree["run"], "start": "2026-03-01"}
    try:
        return simulate(scenario_of({**tree, "cluster": cluster, "cost": cost, "run": run}, "random.toml"))
    except InputError:
        return None


def summed(rows: list[dict[str, Any]], *axes: str) -> dict[tuple[Any, ...], Decimal]:
    totals: dict[tuple[Any, ...], Decimal] = {}
    for row in rows:
        key = tuple(row[axis] for axis in axes)
        totals[key] = totals.get(key, Decimal()) + row["cost_usd"]
    return totals


def check_files(result: RunResult, directory: Path) -> None:
    """Every dollar and every GPU-microsecond is in the files once, and a bill made again from them is the same."""
    assert result.costs is not None
    read = {name: pq.read_table(directory / f"{name}.parquet").to_pylist() for name in ("runs", "cost_ledger", "usage")}
    run = read["runs"][0]
    own = [row for row in read["cost_ledger"] if row["account"] == "run"]
    for axis in ("item", "state", "cause", "phase"):
        assert sum(summed(own, axis).values(), Decimal()) == run["cost_usd"] == total_usd(result.costs)
    pool = sum((row["cost_usd"] for row in read["cost_ledger"] if row["account"] == "pool"), Decimal())
    assert pool == pool_usd(result.costs)
    held = sum(row["amount"] for row in read["usage"] if row["measure"] == "gpu_us")
    assert result.usage is not None
    assert held == run["held_gpu_us"] == result.usage.held_gpu_us
    if result.plan.repair.reorder is None:
        assert held == run["gpus"] * run["wall_us"]
    _, again = repriced(directory, read_book(directory), None, None)
    assert (again.postings, again.pool, again.lines) == (result.costs.postings, result.costs.pool, result.costs.lines)


def check_sums(result: RunResult) -> None:
    """Lines make the postings, depreciation and book value the price, and no more power is drawn than there may be."""
    costs, usage = result.costs, result.usage
    assert costs is not None and usage is not None
    exact = sum((line.usd for line in costs.lines), Fraction())
    assert abs(Fraction(total_usd(costs) + pool_usd(costs)) - exact) <= Fraction(len(costs.lines), 2 * 10**6)
    assert all(charge.depreciation_usd + charge.book_value_usd == charge.price_usd for charge in costs.charges)
    assert usage.energy.peak_it_w <= usage.assets.nameplate_w * (1 + 1e-12)
    drawn_nj = usage.energy.nodes_nj + usage.energy.network_nj + usage.energy.storage_nj
    assert sum(usage.energy.it_nj.values()) == drawn_nj
    assert drawn_nj <= usage.energy.peak_it_w * 1000 * usage.wall_us * (1 + 1e-9)


@pytest.mark.parametrize("orders", [False, True])
@sized(40, 300)
def test_every_bill_is_exact_and_survives_its_files(examples: int, orders: bool) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=[Phase.generate],
    )
    @given(trees(LOG), BILLS)
    def rule(tree: Tree, cost: Tree) -> None:
        asked = ordering(tree) if orders else tree
        result = asked and billed(asked, cost)
        if not result:
            return
        check_sums(result)
        with TemporaryDirectory() as folder:
            write_run(result, run_json(result), Path(folder) / "results", force=False)
            check_files(result, Path(folder) / "results")
        seen.append(result)

    seen: list[RunResult] = []
    rule()
    assert len(seen) >= examples // (20 if orders else 3), "most random scenarios have a bill"


@pytest.mark.parametrize("cost", [OWNED, {**RENTED, "acquisition": "on-demand"}])
def test_the_same_run_costs_the_same_twice(cost: Tree) -> None:
    tree: Tree = {
        "name": "random",
        "training": {"step_time": "10 s"},
        "cluster": {"node": "dgx-h100", "nodes": 2, "spare_nodes": 1},
        "run": {"horizon": "6 h"},
    }
    one, other = (billed(tree, cost) for _ in range(2))
    assert one is not None and other is not None
    assert one.costs == other.costs
