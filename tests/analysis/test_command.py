"""`trainwright validate`: exit codes, one line an error, JSON that others rely on, 80 columns."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim.cli import app
from tests.analysis.rows import write_rows


def validate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["validate", "--workers", "1", *map(str, arguments)])


@pytest.fixture
def measurements(tmp_path: Path) -> Path:
    changes = [{"id": f"row<{i}>", "tp": f"{tp}", "dp": f"{8 // tp}"} for i, tp in enumerate((1, 2, 4))]
    return write_rows(tmp_path / "rows.csv", *changes, {"id": "apart", "step_time_s": ""})


def test_json_holds_the_contract(tmp_path: Path, measurements: Path) -> None:
    result = validate("--measurements", measurements, "--out", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)
    assert {"rows", "mape", "median", "p90", "bias", "groups"} <= set(facts)
    assert [row["id"] for row in facts["rows"]] == ["row<0>", "row<1>", "row<2>"]
    for row in facts["rows"]:
        assert row["error"] == pytest.approx(row["simulated"] / row["measured"] - 1)
    assert facts["mape"] == pytest.approx(sum(abs(row["error"]) for row in facts["rows"]) / 3)
    assert facts["skipped"] == [{"id": "apart", "source": "Somebody (2024)", "reason": "no step time"}]


def test_the_screen_says_first_how_good_it_is_in_80_columns(tmp_path: Path, measurements: Path) -> None:
    result = validate("--measurements", measurements, "--out", tmp_path / "out")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("3 measured steps against simulated ones: mean absolute error")
    assert max(map(len, lines[:-1])) <= 80, "all but the path"


def test_a_second_run_says_the_same(tmp_path: Path, measurements: Path) -> None:
    first, again = (validate("--measurements", measurements, "--out", tmp_path / "out", "--json") for _ in range(2))
    assert first.stdout == again.stdout


class Tags(HTMLParser):
    """Checks that tags of a page are closed in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.linked += [value for name, value in attrs if name in ("src", "href") and value]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_holds_every_row_with_its_name_escaped(tmp_path: Path, measurements: Path) -> None:
    validate("--measurements", measurements, "--out", tmp_path / "out")
    text = (tmp_path / "out" / "page.html").read_text()
    tags = Tags()
    tags.feed(text)
    assert (tags.open, tags.linked) == ([], [])
    assert "row<0>" not in text
    assert text.count("row&lt;0&gt;") >= 3, "in the picture of all, in its strip and in the table"
    assert "apart" in text
    assert not re.search(r"\bnan\b|\binf\b", text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gpu": "TPUv4"}, "no row can be simulated: no rule for GPU 'TPUv4' (1)"),
        ({"step_time_s": "0"}, "one: step_time_s: got '0', expected seconds above 0"),
        ({"step_time_s": "nan"}, "one: step_time_s: got 'nan', expected a number or nothing"),
        ({"n_gpus": "inf"}, "one: n_gpus: got 'inf', expected a number or nothing"),
        ({"layers": "many"}, "no row can be simulated: refused: layers: got 'many', expected a number or nothing (1)"),
        ({"dp": "0"}, "no row can be simulated: refused: dp: got '0', expected a whole number from 1 (1)"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_2(tmp_path: Path, change: dict[str, str], message: str) -> None:
    path = write_rows(tmp_path / "rows.csv", change)
    result = validate("--measurements", path, "--out", tmp_path / "out")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert result.stderr.strip().endswith(message)


def test_an_empty_file_and_a_missing_column_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    for path in (empty, write_rows(tmp_path / "rows.csv", {}, drop="n_gpus"), tmp_path / "nothing.csv"):
        result = validate("--measurements", path, "--out", tmp_path / "out")
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)


def test_another_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    result = validate("--kind", "trainning", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "did you mean 'training'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--kind", "cost", "--out", "there"), "--out there: nothing is written by --kind cost"),
        (("--kind", "network", "--workers", "2"), "--workers 2: --kind network takes one process"),
        (("--kind", "money"), "unknown kind of validation 'money'"),
    ],
)
def test_an_option_that_a_kind_does_not_read_is_refused(arguments: tuple[str, ...], expected: str) -> None:
    result = CliRunner().invoke(app, ["validate", *arguments])
    assert (result.exit_code, expected in result.output) == (2, True)
