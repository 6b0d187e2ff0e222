"""Commands about many runs on shared assets, and about who pays for them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.commands.options import ForceOption, JsonOption, PluginsOption, SetOption
from sim.terminal import check_output, marks, show_facts, write_text


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

    loaded = load_campaign(name, [*(overrides or []), *([] if seed is None else [f"seed={seed}"])])
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
