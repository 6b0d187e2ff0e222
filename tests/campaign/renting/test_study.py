"""One run under dated books: a GPU-hour is what its bill says, and what cannot be priced is said."""

import json

import pytest
from typer.testing import CliRunner

from sim.campaign.renting.books import dated_pairs, pair_of
from sim.campaign.renting.study import COMMON, RentingStudy, study_renting
from sim.cli import app
from sim.errors import PriceError, ScenarioError
from sim.ledger.bill.cost import price, total_usd, usd_by
from sim.report.campaign.renting import renting_json, renting_report
from sim.scenario import load_scenario

CLI = CliRunner()


@pytest.fixture(scope="module")
def study() -> RentingStudy:
    return study_renting(load_scenario("tiny"))


def test_rows_are_the_dated_pairs_that_price_the_node(study: RentingStudy) -> None:
    assert [row.pair.start.year for row in study.rows] == [2023, 2024, 2025, 2026]
    assert [books for books, _ in study.skipped] == ["2020-owned, 2020-rented"]


def test_rents_are_those_of_the_books_plus_what_comes_with_them(study: RentingStudy) -> None:
    usage = study.run.usage
    assert usage is not None
    for row in study.rows:
        bare = row.pair.rented.prices["rent-on-demand/dgx-h100"].value
        costs = price(usage, row.pair.rented, "on-demand")
        by_item = usd_by(costs, "item")
        hours = usage.gpus * usage.wall_us / 3.6e9
        assert float(by_item["rent"]) / hours == pytest.approx(bare, rel=0.02)
        counted = float(total_usd(costs)) - sum(float(usd) for item, usd in by_item.items() if item in COMMON)
        assert row.on_demand_usd == pytest.approx(counted / hours)


def test_an_owned_hour_is_its_bill_without_people_and_data(study: RentingStudy) -> None:
    row = next(row for row in study.rows if row.pair.owned.name == "2026-owned")
    costs = study.run.costs
    assert costs is not None
    usage = study.run.usage
    assert usage is not None
    counted = sum(float(usd) for item, usd in usd_by(costs, "item").items() if item not in COMMON)
    assert row.own_usd == pytest.approx(counted / (usage.gpus * usage.wall_us / 3.6e9), rel=1e-6)


def test_the_band_holds_what_constant_rents_do_not(study: RentingStudy) -> None:
    assert study.rent_growths is not None
    low, mean, high = study.rent_growths
    assert low <= mean <= high < 0
    for row in study.rows:
        assert row.use is not None
        assert row.use_low is not None
        assert row.use_high is not None
        assert row.use < row.use_low < row.use_high


def test_half_the_use_pays_later_or_never() -> None:
    pair = [pair_of("2023-owned", "2023-rented")]
    whole = study_renting(load_scenario("tiny"), pairs=pair).rows[0]
    half = study_renting(load_scenario("tiny"), pairs=pair, use=0.5).rows[0]
    assert whole.years is not None
    assert half.years is not None
    assert half.years > 2 * whole.years


def test_what_cannot_be_priced_is_said() -> None:
    with pytest.raises(ScenarioError, match="cost: is missing"):
        study_renting(load_scenario("airesim-s1", ["run.horizon=1 h"]))
    orders = ['repair.retire={visits=1, within="1 d"}', 'repair.reorder={below=0, order=1, lead="1 d"}']
    with pytest.raises(ScenarioError, match=r"repair\.reorder: own or rent is asked of nodes that are all there"):
        study_renting(load_scenario("tiny", orders))
    with pytest.raises(PriceError, match="no server/dgx-h100 in 2020-owned"):
        study_renting(load_scenario("tiny"), pairs=[pair_of("2020-owned", "2020-rented")])
    with pytest.raises(PriceError, match="expected two that hold on the same day"):
        pair_of("2023-owned", "2026-rented")


def test_every_pair_of_the_catalog_holds_together() -> None:
    assert len([pair_of(pair.owned.name, pair.rented.name) for pair in dated_pairs()]) >= 4


def test_what_is_assumed_is_said(study: RentingStudy) -> None:
    answer = renting_json(study)
    assumed = [
        (row["start"][:4], name) for row in answer["rows"] for name, kind in row["kinds"].items() if kind == "assumed"
    ]
    assert ("2023", "reserved") in assumed
    told = " ".join(renting_report(answer).split())
    assert "Assumed in the books, not published: " + ", ".join(f"{year} {name}" for year, name in assumed) in told


def test_the_screen_fits_and_says_the_dates(study: RentingStudy) -> None:
    answer = renting_json(study)
    lines = renting_report(answer).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(answer["rows"][0]["break_even_date"]["constant"][:7] in line for line in lines)


def test_the_command_prints_json_and_refuses_half_a_pair() -> None:
    done = CLI.invoke(app, ["own-or-rent", "tiny", "--owned", "2026-owned", "--rented", "2026-rented", "--json"])
    assert len(json.loads(done.stdout)["rows"]) == 1
    for arguments, said in ((["--owned", "2026-owned"], "--rented together"), (["--use", "1.5"], "at most 1")):
        refused = CLI.invoke(app, ["own-or-rent", "tiny", *arguments])
        assert (refused.exit_code, said in refused.output) == (2, True)
