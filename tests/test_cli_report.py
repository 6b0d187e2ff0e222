"""`report` on stored results: one page that needs nothing else, shows what the run says, and what it refuses."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.report.money.bill import exact_usd

VOID = {"meta", "br"}


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


class Read(HTMLParser):
    """What a page holds: its headings, its text, the addresses that it asks for; tags that do not match fail."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.headings if self.open and self.open[-1] == "h2" else self.words).append(data)


def pictures(page: str) -> Iterator[ElementTree.Element]:
    for part in page.split("<svg")[1:]:
        yield ElementTree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report") / "tiny"
    assert call("run", "tiny", "--out", directory).exit_code == 0
    return directory


@pytest.fixture(scope="module")
def page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    assert call("report", results, "--out", path).exit_code == 0
    return path.read_text()


def test_a_page_is_whole_and_asks_for_nothing(page: str) -> None:
    read = Read(page)
    assert read.addresses == []
    assert "<script" not in page
    assert len(list(pictures(page))) == 2


def test_a_page_answers_what_where_when_and_why(page: str) -> None:
    assert Read(page).headings[:6] == [
        "Where the GPU-hours went",
        "When GPU-time was lost",
        "What it cost: item by what the GPUs did",
        "From headline compute to all-in",
        "Phases",
        "Failures",
    ]


def test_a_page_shows_the_exact_bill_of_its_run(page: str, results: Path) -> None:
    answer = json.loads((results / "run.json").read_text())
    whole = sum(sum(row.values()) for row in answer["micro_usd"].values())
    assert f"Exactly {exact_usd(whole)}, by item as by state." in Read(page).words


def test_every_cause_that_failed_has_its_row(page: str, results: Path) -> None:
    answer = json.loads((results / "run.json").read_text())
    assert answer["failures"]
    assert set(answer["failures"]) <= set(Read(page).words)


def test_the_page_lies_beside_the_results_and_is_not_replaced_unasked(results: Path) -> None:
    first = call("report", results, "--json")
    assert json.loads(first.output) == {"page": str(results / "page.html")}
    again = call("report", results)
    assert again.exit_code == 2
    assert "exists already; use --force" in again.output
    assert call("report", results, "--force").exit_code == 0


def test_the_same_run_gives_the_same_page(results: Path, page: str, tmp_path: Path) -> None:
    assert call("report", results, "--out", tmp_path / "again.html").exit_code == 0
    assert (tmp_path / "again.html").read_text() == page


def test_a_run_without_a_bill_has_a_page_without_one(tmp_path: Path) -> None:
    done = call("run", "airesim-s1", "--out", tmp_path / "s1", "--set", "run.horizon=2 d")
    assert done.exit_code == 0, done.output
    assert call("report", tmp_path / "s1").exit_code == 0
    headings = Read((tmp_path / "s1" / "page.html").read_text()).headings
    assert headings[:2] == ["Where the GPU-hours went", "When GPU-time was lost"]
    assert not any("cost" in heading for heading in headings)


def test_a_directory_without_a_whole_run_is_refused(results: Path, tmp_path: Path) -> None:
    assert "no readable results" in call("report", tmp_path).output
    broken = tmp_path / "broken"
    broken.mkdir()
    for name in ("runs.parquet", "run.json"):
        (broken / name).write_bytes((results / name).read_bytes())
    refused = call("report", broken)
    assert refused.exit_code == 2
    assert "the results are not whole" in refused.output
