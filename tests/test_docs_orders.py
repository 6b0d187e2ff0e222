"""What the guide shows of orders of spares is what the command prints."""

from pathlib import Path

from typer.testing import CliRunner

from sim.cli import app

GUIDE = Path(__file__).parent.parent / "docs" / "reliability.md"


def test_the_guide_shows_what_a_run_says_of_its_orders(tmp_path: Path) -> None:
    _, section = GUIDE.read_text("utf-8").split("## When should spares be ordered?\n")
    section = section.split("\n## ")[0]
    block = section.split("```toml\n")[1].split("```")[0]
    shown = [part.split("```")[0] for part in section.split("```text\n")[1:]]
    path = tmp_path / "mine.toml"
    path.write_text(f'name = "mine"\nextends = "tiny"\n{block}', encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert len(shown) == 2
    for part in shown:
        assert part in result.stdout
