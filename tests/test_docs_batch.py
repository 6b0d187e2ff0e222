"""What the guide of batches says is so: its studies load, and readers print what it shows of the results."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from sim.batch.plans.plan import plan_of
from sim.batch.store.query import query
from sim.batch.study import load_study
from sim.report.batch.batch_report import table_text
from tests.batch.studies import run

GUIDE = (Path(__file__).parent.parent / "docs" / "batch.md").read_text(encoding="utf-8")
STUDIES = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
READERS = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def library_of(code: str) -> str:
    return code.split()[1].split(".")[0]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results of the guide's first command."""
    folder = tmp_path_factory.mktemp("guide")
    assert run(plan_of(load_study("smoke")), folder / "results" / "smoke").complete
    return folder


@pytest.mark.parametrize("text", STUDIES, ids=[re.findall(r'name = "(\w+)"', text)[0] for text in STUDIES])
def test_every_study_can_be_planned(text: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text)
    plan = plan_of(load_study(str(path), least=1))
    assert plan.chunks


def test_the_guide_shows_four_readers() -> None:
    assert [library_of(code) for code, _ in READERS] == ["duckdb", "polars", "pandas", "pyarrow"]


@pytest.mark.slow
@pytest.mark.parametrize(("code", "output"), READERS, ids=[library_of(code) for code, _ in READERS])
def test_every_reader_prints_what_is_shown(
    code: str, output: str, smoke: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(library_of(code))
    monkeypatch.chdir(smoke)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, {})
    assert said.getvalue() == output


@pytest.mark.slow
def test_the_query_prints_what_is_shown(smoke: Path) -> None:
    pytest.importorskip("duckdb")
    found = re.search(r"--sql '(.*?)'\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    assert found is not None
    assert table_text(query(smoke / "results" / "smoke", found[1])) + "\n" == found[2]


def test_the_plan_that_the_guide_shows_is_that_of_the_study() -> None:
    plan = plan_of(load_study("smoke"))
    runs, chunks = len(plan.variants) * plan.replicas, len(plan.chunks)
    assert f"smoke: {runs} runs: {len(plan.variants)} variants x {plan.replicas} seeds in {chunks} chunks" in GUIDE
    assert f"smoke: {runs} of {runs} runs done in {chunks} of {chunks} chunks, 0 failed" in GUIDE
