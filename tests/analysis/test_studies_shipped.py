"""What is shown of shipped studies is what their answers render, and the guide quotes it."""

import json
from pathlib import Path

import pytest

from sim.report.interval.picture import interval_picture
from sim.report.interval.screen import interval_report
from sim.report.spares.spares_picture import spares_picture
from sim.report.spares.spares_report import spares_report
from sim.scenario import load_scenario

STUDIES = Path(__file__).parent.parent.parent / "experiments" / "studies"
INTERVALS = sorted(path.parent for path in STUDIES.glob("interval/*/interval.json"))


def test_the_worth_of_changes_is_shown_as_it_was_found() -> None:
    facts = json.loads((STUDIES / "value" / "spares.json").read_text())
    assert (STUDIES / "value" / "spares.txt").read_text() == spares_report(facts) + "\n"
    assert (STUDIES / "value" / "spares.svg").read_text() == spares_picture(facts)
    asked = {"+1 spare", "store x2", "detection -1 min", "dual ToR", "+1 % MFU"}
    sure = {row["value"] for row in facts["rows"] if row["metric"] == "usd_gained" and row["differs"]}
    assert asked <= sure


@pytest.mark.parametrize("folder", INTERVALS, ids=[folder.name for folder in INTERVALS])
def test_the_interval_at_each_scale_is_shown_as_it_was_found(folder: Path) -> None:
    facts = json.loads((folder / "interval.json").read_text())
    assert (folder / "interval.txt").read_text() == interval_report(facts) + "\n"
    assert (folder / "interval.svg").read_text() == interval_picture(facts)
    scenario = load_scenario(str(folder.with_suffix(".toml")))
    assert facts["gpus"] == scenario.machines.gpus
    # Young's and Daly's regret within 0.2 points of ETTR.
    assert all(
        (each["regret_high"] - each["regret_low"]) / 2 < 0.002 for each in facts["rules"] if each["rule"] != "asked"
    )


def test_the_guide_quotes_both() -> None:
    guide = (STUDIES.parent / "README.md").read_text()
    quoted = "\n".join(block.split("```")[0] for block in guide.split("```text\n")[1:])
    shown = [*INTERVALS[0].parent.glob("*/interval.txt"), STUDIES / "value" / "spares.txt"]
    for text in (path.read_text() for path in shown):
        (table,) = (block for block in text.split("\n\n") if block.startswith(("Rule ", "Change ")))
        assert table in quoted
