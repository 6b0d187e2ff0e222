"""What a campaign file may say, and what is said where it cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from sim.campaign.forms.load import campaign_names, campaign_of, load_campaign
from sim.errors import InputError, ScenarioError, UnknownNameError
from sim.scenario.source import read_toml

FOLDER = Path(__file__).parent.parent.parent / "experiments" / "campaigns"


def refused(match: str, **changes: Any) -> None:
    """Expect the small campaign with other tables to be refused."""
    tree = {**read_toml(FOLDER / "small.toml", ""), **changes}
    with pytest.raises(InputError, match=match):
        campaign_of(tree, "mine", FOLDER)


def test_runs_follow_their_assets_and_their_kinds() -> None:
    campaign = load_campaign("small")
    ablation, final = campaign.runs[:2]
    assert (ablation.nodes, ablation.count, ablation.label) == (1, 8, "ablation")
    assert (final.nodes, final.kind, final.label, final.after) == (5, "final", "pre-training", ("ablation",))
    assert campaign.assets[0].nodes == 6


def test_a_file_finds_its_scenarios_beside_it(tmp_path: Path) -> None:
    text = (FOLDER / "small.toml").read_text("utf-8").replace('scenario = "tiny"', 'scenario = "job.toml"')
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    (tmp_path / "job.toml").write_text('name = "job"\nextends = "tiny"\n', "utf-8")
    assert load_campaign(str(tmp_path / "mine.toml")).runs[1].nodes == 5


def test_overrides_call_runs_and_assets_by_name() -> None:
    campaign = load_campaign("small", ["runs.main run.attempts=7", "assets.main.until=2026-05-01", "seed=3"])
    assert campaign.runs[1].attempts == 7
    assert campaign.assets[0].until_us == 61 * 86_400_000_000
    assert campaign.seed == 3


def test_a_teacher_takes_two_flop_a_parameter_and_token() -> None:
    given = next(run for run in load_campaign("small").runs if run.name == "teacher").given
    assert given is not None
    assert given.flop is not None
    parameters = given.flop / 2 / 20e9
    assert parameters == pytest.approx(7.5e9, rel=0.02)  # 8.03 G of Llama 3 8B without 0.53 G of embedding
    assert given.gpu_us == pytest.approx(given.flop / (0.3 * 989.4e12) * 1e6, rel=1e-3)


def test_unknown_names_are_met_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'small'"):
        load_campaign("smal")
    with pytest.raises(InputError, match="did you mean 'assets'"):
        load_campaign("small", ["asets=1"])
    with pytest.raises(InputError, match="did you mean 'ablation'"):
        load_campaign("small", ["runs.main run.kind=ablatoin"])
    with pytest.raises(InputError, match=r"runs.main run.after: unknown run 'ablations'; did you mean 'ablation'"):
        load_campaign("small", ['runs.main run.after=["ablations"]'])


RUN: dict[str, Any] = {"name": "r", "kind": "final", "scenario": "tiny"}
ORDERS = {
    "repair.retire": {"visits": 1, "within": "1 d"},
    "repair.reorder": {"below": 0, "order": 1, "lead": "1 d"},
}


@pytest.mark.parametrize(
    ("run", "match"),
    [
        ({**RUN, "gpu_hours": 3.0}, "got scenario and gpu_hours of scenario, gpu_hours, lasts, teacher; expected one"),
        ({"name": "r", "kind": "final"}, "got none of scenario, gpu_hours, lasts, teacher"),
        ({"name": "r", "kind": "safety", "gpu_hours": 3.0, "source": "x"}, "nodes: is missing"),
        ({"name": "r", "kind": "safety", "gpu_hours": 3.0, "nodes": 1}, "source: is missing"),
        (
            {"name": "r", "kind": "safety", "lasts": "1 d", "nodes": 1, "source": "x", "attempts": 2},
            "attempts: nothing",
        ),
        ({**RUN, "source": "x"}, "source: nothing reads it beside a scenario"),
        ({**RUN, "kind": "failed"}, "'failed', which a run becomes"),
        ({**RUN, "kind": "others"}, "others are not simulated"),
        ({**RUN, "set": {"cost.absorb": False}}, "runs.r: set: got 'cost.absorb'"),
        ({**RUN, "set": {"run.seed": 3}}, "runs.r: set: got 'run.seed'"),
        ({**RUN, "nodes": 8}, r"runs.r: got 9 nodes; asset 'main' has 6"),
        ({**RUN, "start": "2026-02-01"}, "runs.r: start: got 2026-02-01; expected a day from the campaign's start on"),
        ({**RUN, "set": {"cluster.node": "dgx-a100"}}, "got 'dgx-a100'; asset 'main' has 'dgx-h100'"),
        ({**RUN, "set": ORDERS}, "repair.reorder: asset 'main' is all that a campaign holds"),
        ({**RUN, "set": {"training.tokns": 1}}, "did you mean 'tokens'"),
        ({**RUN, "asset": "mian"}, "unknown asset 'mian'; did you mean 'main'"),
        ({**RUN, "after": ["r"]}, "r after r: a circle"),
    ],
)
def test_a_run_that_cannot_be_is_said(run: dict[str, Any], match: str) -> None:
    refused(match, runs=[run])


def test_an_asset_that_cannot_be_is_said() -> None:
    asset: dict[str, Any] = {"name": "main", "scenario": "tiny"}
    refused(
        "set: got 'training.tokens'; expected keys of cluster and cost",
        assets=[{**asset, "set": {"training.tokens": 1}}],
    )
    refused("cost.teams: people of a campaign", assets=[{**asset, "set": {"cost.teams": [{"name": "a", "fte": 1.0}]}}])
    refused("cost.peak", assets=[{**asset, "set": {"cost.peak": {"from": "14:00", "to": "20:00"}}}])
    refused("cost.power_cap: got 0.01 MW", assets=[{**asset, "set": {"cost.power_cap": "10 kW"}}])
    refused("until: got 2026-02-01", assets=[{**asset, "until": "2026-02-01"}])
    refused("expected a date from 2026-01-01", assets=[asset], start="2025-01-01")
    refused("the name 'main' is given twice", assets=[asset, asset])
    refused("asset: is missing; expected one of main, other", assets=[asset, {**asset, "name": "other"}])


def test_all_that_is_wrong_is_said_at_once() -> None:
    tree = {
        **read_toml(FOLDER / "small.toml", ""),
        "runs": [{**RUN, "set": {"cost.absorb": True}}, {**RUN, "name": "b"}],
    }
    tree["runs"][1]["set"] = {"training.tokns": 1}
    with pytest.raises(ScenarioError) as caught:
        campaign_of(tree, "mine", FOLDER)
    assert [line.split(":")[1].strip() for line in str(caught.value).splitlines()] == ["runs.r", "runs.b"]


@pytest.mark.parametrize("name", campaign_names())
def test_every_campaign_that_ships_can_be_read(name: str) -> None:
    assert load_campaign(name).name == name
