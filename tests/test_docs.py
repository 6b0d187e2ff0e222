"""What the guides say is so: their scenarios load."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.scenario import load_scenario
from sim.simulate import simulate

DOCS = Path(__file__).parent.parent / "docs"
BLOCKS = [
    (path.name, index, text)
    for path in sorted(DOCS.glob("*.md"))
    if path.name != "batch.md"  # Its blocks are studies: test_docs_batch.py
    for index, text in enumerate(re.findall(r"^```toml\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE))
]


@pytest.mark.parametrize(("name", "index", "text"), BLOCKS, ids=[f"{name}-{index}" for name, index, _ in BLOCKS])
def test_every_block_is_a_scenario_on_top_of_tiny(name: str, index: int, text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\nextends = "tiny"\n{text}', encoding="utf-8")
    assert load_scenario(str(path)).name == "mine"


def test_the_guide_of_reliability_has_its_blocks() -> None:
    assert sum(name == "reliability.md" for name, _, _ in BLOCKS) >= 4


def test_the_guide_of_bills_has_its_block() -> None:
    assert any(name == "explain.md" for name, _, _ in BLOCKS)


def test_the_guide_of_generations_has_its_block() -> None:
    assert any(name == "generations.md" for name, _, _ in BLOCKS)


def test_the_guide_shows_what_its_elastic_job_prints(tmp_path: Path) -> None:
    guide = (DOCS / "reliability.md").read_text("utf-8")
    _, section = guide.split("## What if a job goes on with what is left?\n")
    block, shown = (section.split(f"```{kind}\n")[1].split("```")[0] for kind in ("toml", "text"))
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\nextends = "tiny"\n{block}', encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert shown in result.stdout
    later = simulate(load_scenario(str(path), ['recovery.regrow="at-restart"']))
    assert f"takes {later.summary.wall_time_s / 86_400:.2f} d instead of 1.11" in section.replace("\n  ", " ")
