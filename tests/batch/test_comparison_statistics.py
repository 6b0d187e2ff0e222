"""What a comparison says of its replications: joint intervals, pairing, tails, the best, other prices, splits."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sim.batch.compare import Comparison, Measured, compare
from sim.batch.selecting import best_of
from sim.batch.statistics import paired
from sim.batch.statistics.simultaneous import each_covers
from sim.batch.variants import Variant, axis_of, variants_of
from sim.cli import app
from sim.errors import InputError
from sim.report.comparison.comparison import comparison_json
from sim.report.comparison.comparison_prices import prices_json, told_prices
from sim.report.comparison.comparison_report import comparison_report
from sim.report.comparison.comparison_split import PARTS, split_usd, splits
from sim.scenario import load_scenario
from sim.simulate import simulate

SPARES = variants_of([axis_of("cluster.spare_nodes=0,1,2")])
RENTED = "2026-rented=on-demand"

BILLS = st.dictionaries(
    st.sampled_from(["server", "network", "energy", "cooling", "staff", "data", "rent"]), st.integers(0, 10**15)
)


@pytest.fixture(scope="module")
def spares() -> Comparison:
    return compare("tiny", SPARES, replicas=10, workers=1, prices=[RENTED])


@pytest.fixture(scope="module")
def answer(spares: Comparison) -> dict[str, Any]:
    return comparison_json(spares)


def test_all_intervals_of_differences_hold_at_once(spares: Comparison, answer: dict[str, Any]) -> None:
    assert answer["difference_coverage"] == each_covers(2) == 0.975
    for row in (each for each in answer["rows"] if each["metric"] == "cost_usd" and each["value"] != "0"):
        samples = [spares.measured[int(name)].samples["cost_usd"] for name in (row["value"], "0")]
        wide, narrow = paired(*samples, 0.975), paired(*samples)
        assert (row["difference_low"], row["difference_high"]) == (wide.low, wide.high)
        assert wide.low is not None and narrow.low is not None and wide.low < narrow.low
    assert "Both intervals of differences hold at once with 95 % (Bonferroni)." in comparison_report(answer)


def test_what_common_seeds_were_worth_is_told(spares: Comparison, answer: dict[str, Any]) -> None:
    ratios = [ratio for ratio in spares.variance_ratios(spares.headline) if ratio is not None]
    assert len(ratios) == 2
    assert answer["variance_ratio"] == pytest.approx(sum(ratios) / 2)
    assert "Variance of a difference under common seeds: 1/" in comparison_report(answer)


def test_tails_are_told_of_ten_runs_and_not_of_fewer(spares: Comparison, answer: dict[str, Any]) -> None:
    rows = {(row["value"], row["metric"], row["level"]): row for row in answer["quantiles"]}
    assert len(rows) == 3 * 2 * 2
    half = rows["0", "cost_usd", 0.5]
    ordered = sorted(spares.measured[0].samples["cost_usd"])
    assert (half["ci_low"], half["ci_high"]) == (ordered[1], ordered[8])
    assert rows["0", "cost_usd", 0.9]["ci_high"] is None
    assert "So many runs of 100 stay below" in comparison_report(answer)
    fewer = comparison_json(compare("tiny", SPARES, replicas=2, workers=1))
    assert fewer["quantiles"] == []
    assert "stay below" not in comparison_report(fewer)


@given(first=BILLS, other=BILLS, wall=st.floats(0.1, 10), step=st.floats(0.1, 10))
def test_parts_of_a_split_sum_to_the_difference_exactly(
    first: dict[str, int], other: dict[str, int], wall: float, step: float
) -> None:
    parts = split_usd(first, other, wall, step)
    assert tuple(parts) == PARTS
    assert sum(parts.values()) == sum(other.values()) - sum(first.values())


def test_the_split_of_every_seed_is_that_of_its_two_bills(spares: Comparison) -> None:
    for index in (1, 2):
        for seed, parts in enumerate(splits(spares, index)):
            bills = [sum(spares.measured[each].bills[seed].values()) for each in (0, index)]
            assert sum(parts.values()) == bills[1] - bills[0]


def test_a_pure_price_is_all_capital_and_a_longer_run_all_failures() -> None:
    assert split_usd({"network": 100, "data": 7}, {"network": 160, "data": 7}, 1.0, 1.0) == dict.fromkeys(PARTS, 0) | {
        "capex": 60
    }
    assert split_usd({"network": 100, "energy": 50}, {"network": 120, "energy": 60}, 1.2, 1.0) == dict.fromkeys(
        PARTS, 0
    ) | {"failures": 30}


def test_the_same_runs_at_other_prices_cost_what_a_run_bought_so_costs(
    spares: Comparison, answer: dict[str, Any]
) -> None:
    alone = simulate(
        load_scenario("tiny", ["cluster.spare_nodes=1", "cost.prices=2026-rented", "cost.acquisition=on-demand"])
    )
    assert alone.costs is not None
    usd = sum(posting.micro_usd for posting in alone.costs.postings) / 1e6
    assert spares.measured[1].samples[f"cost_usd@{RENTED}"][0] == pytest.approx(usd, abs=1e-6)
    (other,) = answer["prices"]
    assert (other["prices"], other["acquisition"], len(other["rows"])) == ("2026-rented", "on-demand", 3)
    assert "The same runs at 2026-rented, on-demand" in comparison_report(answer)


def by_hand(owned: list[list[float]], rented: list[list[float]]) -> Comparison:
    pairs = enumerate(zip(owned, rented, strict=True))
    measured = tuple(
        Measured(
            variant=Variant(name=f"v{index}", values={}, overrides=()),
            samples={"cost_usd": tuple(own), f"cost_usd@{RENTED}": tuple(rent)},
            fabric=None,
        )
        for index, (own, rent) in pairs
    )
    return Comparison(scenario="by hand", measured=measured, replicas=len(owned[0]), prices=(RENTED,))


def test_pairs_change_places_only_where_both_prices_tell_them_apart() -> None:
    """v1 is 2 dearer than v0 when owned and 3 cheaper when rented; v2 costs what v0 does, give or take."""
    owned = [[10.0, 11.0, 12.0], [12.0, 13.1, 14.0], [10.5, 10.5, 12.0]]
    rented = [[20.0, 21.0, 22.0], [17.0, 18.1, 19.0], [19.9, 21.1, 22.0]]
    (found,) = prices_json(by_hand(owned, rented))
    assert found["flips"] == [["v0", "v1"]]
    assert found["best"] == "v1"
    (same,) = prices_json(by_hand(owned, owned))
    assert same["flips"] == []
    told = " ".join(" ".join(told_prices({"prices": [found]})).split())
    assert "1 pair changes places: v0 was cheaper than v1" in told
    told = " ".join(" ".join(told_prices({"prices": [same]})).split())
    assert told == "The same runs at 2026-rented, on-demand: $11.00 for v0; least: v0; no pair changes places."


def test_the_best_is_run_until_it_is_known() -> None:
    best = best_of("wall_time_s", "30 %", 0.9, "--select")
    found = compare("tiny", SPARES, replicas=5, workers=1, best=best)
    answer = comparison_json(found)
    chosen = answer["selected"]
    assert chosen["value"] in {"1", "2"}
    assert set(chosen["gone_after"]) == {"0", "1", "2"} - {chosen["value"]}
    assert max(chosen["runs"]) >= max(chosen["gone_after"].values())
    assert all(len(each.samples["wall_time_s"]) % 5 == 0 for each in found.measured)
    assert answer["best_by"]["wall_time_s"] == chosen["value"]
    assert f"Selected: {chosen['value']}, the best wall_time_s within" in comparison_report(answer)


@pytest.mark.parametrize(
    ("metric", "within", "probability", "said"),
    [
        ("cots_usd", "1 %", 0.95, "did you mean 'cost_usd'"),
        ("cost_usd", "0 %", 0.95, "expected more than 0"),
        ("cost_usd", "a lot", 0.95, "expected more than 0"),
        ("cost_usd", "1 %", 1.0, "expected more than 0.5 and less than 1"),
    ],
)
def test_a_selection_that_says_nothing_is_refused(metric: str, within: str, probability: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        best_of(metric, within, probability, "--select")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--select", "cost_usd"], "expected METRIC=WITHIN"),
        (["--select", "cost_usd=1%", "--replicas", "1"], "expected 2 at least to select the best"),
        (["--prices", "2026-rented"], "expected BOOK=ACQUISITION"),
        (["--prices", "2026-rentd=on-demand"], "did you mean '2026-rented'"),
        (["--prices", "2026-rented=ondemand"], "did you mean 'on-demand'"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_a_line(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["compare", "tiny", "--over", "cluster.spare_nodes=0,1", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_command_line_selects_and_prices(tmp_path: Any) -> None:
    study = tmp_path / "spares.toml"
    study.write_text(
        'name = "spares"\nquestion = "One?"\nbase = "tiny"\nreplicas = 3\nprices = ["2026-rented=on-demand"]\n'
        'best = { metric = "wall_time_s", within = "60 %" }\n'
        '[[axes]]\nkey = "cluster.spare_nodes"\nvalues = [0, 2]\n'
    )
    result = CliRunner().invoke(app, ["compare", str(study), "--workers", "1", "--replicas", "4", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["selected"]["first_stage"] == 4
    assert answer["prices"][0]["prices"] == "2026-rented"
