"""What a run costs against what organisations spend in a year."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.campaign.affording.organisations import read_organisations
from sim.cli import app
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.simulate import simulate

CLI = CliRunner()
HEAD = "organisation,annual_capex_usd,date,kind,source\n"


def test_every_figure_that_ships_has_a_date_and_a_source() -> None:
    table = read_organisations()
    named = "OpenAI/Microsoft, Google DeepMind, Anthropic, Meta, Amazon, xAI, Alibaba, Tencent, Baidu"
    assert [each.name for each in table] == named.split(", ")
    for each in table:
        assert each.source
        if each.annual_capex_usd is not None:
            assert each.year
            assert each.date
            assert each.kind in ("published", "derived")


def test_a_ratio_is_the_median_cost_over_the_expenditure(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(HEAD + "small,1e6,2026,assumed,me\nsilent,,,,nobody\nlarge,1e8,2026,assumed,me\n", "utf-8")
    done = CLI.invoke(app, ["afford", "tiny", "--organisations", str(mine), "--replicas", "3", "--json"])
    answer = json.loads(done.stdout)
    costs = sorted(
        float(sum(row.micro_usd for row in simulate(load_scenario("tiny", [f"run.seed={seed}"])).costs.postings)) / 1e6  # type: ignore[union-attr]
        for seed in (1, 2, 3)
    )
    assert answer["cost_usd"]["p50"] == pytest.approx(costs[1])
    assert [row["organisation"] for row in answer["rows"]] == ["large", "small", "silent"]
    assert answer["rows"][0]["ratio"] == pytest.approx(costs[1] / 1e8)
    assert [row["below"] for row in answer["rows"]] == [None] * 3


def test_a_threshold_marks_and_cash_is_more_than_the_bill() -> None:
    plain = json.loads(CLI.invoke(app, ["afford", "small", "--campaign", "--replicas", "1", "--json"]).stdout)
    arguments = ["afford", "small", "--campaign", "--replicas", "1", "--basis", "cash", "--threshold", "1e-4"]
    cash = json.loads(CLI.invoke(app, [*arguments, "--json"]).stdout)
    assert cash["cost_usd"]["p50"] > plain["cost_usd"]["p50"]
    for row in cash["rows"]:
        assert row["below"] == (None if row["ratio"] is None else row["ratio"] < 1e-4)
    lines = CLI.invoke(app, arguments).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("Without a figure: Anthropic") for line in lines)


def test_ratios_are_percentages_without_powers_of_ten(tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(
        HEAD + "huge,1e11,2026,assumed,me\nmiddle,1e7,2026,assumed,me\nsmall,1e3,2026,assumed,me\n", "utf-8"
    )
    table = ["--organisations", str(mine), "--replicas", "1", "--threshold", "1e-6"]
    shown = CLI.invoke(app, ["afford", "tiny", *table]).stdout
    rows = {
        line.split()[0]: line.split("assumed")[0] for line in shown.splitlines() if line.startswith(("hu", "mi", "sm"))
    }
    assert "< 0.0001 %" in shown and "< 0.001 %  yes" in rows["huge"]
    ratio = json.loads(CLI.invoke(app, ["afford", "tiny", *table, "--json"]).stdout)["rows"][1]["ratio"]
    assert f"{100 * ratio:.3g} %  no" in rows["middle"]
    assert "e-" not in shown and "e+" not in rows["small"]
    assert "1 seed)" in " ".join(shown.split())


def test_a_table_in_toml_reads_as_one_in_csv(tmp_path: Path) -> None:
    keys = 'organisation = "a"\nannual_capex_usd = 5e9\ndate = "2026"\nkind = "assumed"\nsource = "me"\n'
    text = f"[[organisations]]\n{keys}"
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    (tmp_path / "mine.csv").write_text(f"{HEAD}a,5e9,2026,assumed,me\n", "utf-8")
    assert read_organisations(str(tmp_path / "mine.toml")) == read_organisations(str(tmp_path / "mine.csv"))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (HEAD, "has no organisation"),
        (HEAD + "a,-1,2026,assumed,me\n", "row 1: annual_capex_usd: got '-1'; expected a number above 0"),
        (HEAD + "a,many,2026,assumed,me\n", "got 'many'"),
        (HEAD + "a,1e9,,assumed,me\n", "row 1: date: is empty"),
        (HEAD + "a,1e9,2026,assumed,\n", "row 1: source: is empty"),
        (HEAD + "a,,,,\n", "row 1: source: is empty"),
        (HEAD + "a,1e9,2026,guesed,me\n", "unknown kind 'guesed'"),
        (HEAD + "a,,,,me\na,,,,me\n", "'a' is given twice"),
        (HEAD + "a,1,2026,assumed,me,more\n", "more cells than the head"),
        ("organisation,capex\na,1\n", "unknown column 'capex'"),
        ("organisation,source\na,b\n", "annual_capex_usd: is missing"),
    ],
)
def test_a_table_that_cannot_be_read_is_said(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(text, "utf-8")
    with pytest.raises(InputError, match=match):
        read_organisations(str(tmp_path / "mine.csv"))


def test_what_is_wrong_with_a_campaign_is_said_once() -> None:
    refused = CLI.invoke(app, ["afford", "small", "--campaign", "--set", "runs.ablation.cont=3"])
    assert refused.exit_code == 2
    assert refused.output.startswith("trainwright: small: runs.0.cont: unknown key 'cont'")
    free = CLI.invoke(app, ["afford", "airesim-s1", "--replicas", "1"])
    assert (free.exit_code, "airesim-s1: cost: is missing" in free.output) == (2, True)


def test_options_that_mean_nothing_are_refused() -> None:
    for arguments, said in ((["--threshold", "0"], "more than 0"), (["--basis", "accrued"], "did you mean 'accrual'")):
        refused = CLI.invoke(app, ["afford", "tiny", *arguments])
        assert (refused.exit_code, said in refused.output) == (2, True)
