"""Commands about many runs on shared assets, and about who pays for them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption, PluginsOption, ScenarioArgument, SetOption
from sim.errors import InputError
from sim.terminal import check_output, located, marks, show_facts, write_text


def campaign(
    name: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A campaign's name or a TOML file.")],
    seed: Annotated[str | None, typer.Option(metavar="N", help="Seed instead of the campaign's.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write calendar, charges and the results of every run there.")
    ] = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw the calendar (SVG).")] = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate all runs of a campaign on the clusters that they share: calendar, bill, development multiplier."""
    from sim.campaign.campaign import simulate_campaign
    from sim.campaign.forms.load import load_campaign
    from sim.report.campaign.answer import campaign_json
    from sim.report.campaign.files import check_campaign, write_campaign, write_outcome, written_beside
    from sim.report.campaign.gantt import gantt_svg
    from sim.report.campaign.screen import campaign_report
    from sim.report.progress import progress

    seeded = [] if seed is None else [f"seed={seed}"]
    loaded = load_campaign(name, [*(overrides or []), *seeded], allow_plugins)
    if picture is not None:
        check_output(picture, force)
    if out is None:
        with progress(sys.stderr) as report:
            answer = campaign_json(simulate_campaign(loaded, report, allow_plugins=allow_plugins))
    else:
        check_campaign(out, force)
        with progress(sys.stderr) as report, written_beside(out) as partial:
            result = simulate_campaign(loaded, report, lambda outcome: write_outcome(outcome, partial), allow_plugins)
            answer = campaign_json(result)
            write_campaign(result, answer, partial)
    if picture is not None:
        write_text(picture, gantt_svg(answer))
    ending = "" if out is None else f"\n\nWritten: {out}"
    show_facts(answer, as_json, lambda: f"{campaign_report(answer, marks())}{ending}")


def own_or_rent(
    scenario: ScenarioArgument,
    owned: Annotated[str | None, typer.Option(metavar="BOOK", help="A book of what is owned, with --rented.")] = None,
    rented: Annotated[str | None, typer.Option(metavar="BOOK", help="A book of rents, with --owned.")] = None,
    use: Annotated[
        float, typer.Option(metavar="U", help="Part of the time in which the cluster is used, for dates.")
    ] = 1.0,
    overrides: SetOption = None,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Price one simulated run owned, reserved and on demand under dated books: from which use and day owning pays."""
    from sim.campaign.renting.books import pair_of
    from sim.campaign.renting.study import study_renting
    from sim.report.campaign.renting import renting_json, renting_report
    from sim.report.progress import progress
    from sim.scenario import load_scenario

    if (owned is None) != (rented is None):
        raise InputError(f"--{'owned' if owned else 'rented'}: got one book; expected --owned and --rented together")
    if not 0 < use <= 1:
        raise InputError(f"--use {use:g}: expected more than 0 and at most 1")
    pairs = [pair_of(owned, rented)] if owned is not None and rented is not None else []
    loaded = load_scenario(scenario, overrides or [])
    with progress(sys.stderr) as report, located(scenario):
        study = study_renting(loaded, pairs=pairs, use=use, progress=report, allow_plugins=allow_plugins)
    answer = renting_json(study)
    show_facts(answer, as_json, lambda: renting_report(answer))


def afford(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A scenario, or with --campaign a campaign.")],
    as_campaign: Annotated[bool, typer.Option("--campaign", help="SCENARIO is a campaign.")] = False,
    organisations: Annotated[
        str | None, typer.Option(metavar="FILE", help="Organisations (CSV or TOML) instead of those that ship.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="R", help="Mark ratios of cost to annual capital expenditure below it.")
    ] = None,
    basis: Annotated[
        str, typer.Option(metavar="NAME", help="accrual (the bill) or cash (all that is paid).")
    ] = "accrual",
    replicas: Annotated[int, typer.Option(metavar="N", min=1, help="Seeds over which the cost is taken.")] = 5,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the cost of a run or a campaign beside what organisations spend in a year: ratios, and no verdict."""
    from sim.campaign.affording.organisations import SHIPPED, read_organisations
    from sim.campaign.affording.study import campaign_costs, check_basis, run_costs, shares
    from sim.campaign.forms.load import load_campaign
    from sim.report.campaign.affording import afford_json, afford_report
    from sim.report.progress import progress
    from sim.scenario import load_scenario

    if threshold is not None and not threshold > 0:
        raise InputError(f"--threshold {threshold:g}: expected more than 0")
    check_basis(basis)
    found, keys = read_organisations(organisations), overrides or []
    if as_campaign:
        loaded = load_campaign(scenario, keys)
        with progress(sys.stderr) as report:
            costs = campaign_costs(loaded, basis=basis, replicas=replicas, progress=report)
    else:
        job = load_scenario(scenario, keys)
        with progress(sys.stderr) as report, located(scenario):
            costs = run_costs(job, scenario, keys, basis=basis, replicas=replicas, progress=report)
    answer = afford_json(costs, shares(costs, found), threshold, organisations or SHIPPED)
    show_facts(answer, as_json, lambda: afford_report(answer))
