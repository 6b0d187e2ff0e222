"""Compiled modules are used while their sources are what was compiled, and never after."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sim.compiled import COMPILED, ROOT, paths

PLAIN = ROOT / "engine/plain"


def made(package: Path, sources: object) -> Path:
    """A folder of compiled modules in a package, said to be made of some sources."""
    folder = package / "_compiled" / str(sys.implementation.cache_tag)
    folder.mkdir(parents=True)
    (folder / "sources.json").write_text(sources if isinstance(sources, str) else json.dumps(sources))
    return folder


def test_without_compiled_modules_python_reads_the_sources(tmp_path: Path) -> None:
    assert paths(tmp_path) == []


def test_modules_of_other_sources_are_not_used(tmp_path: Path) -> None:
    made(tmp_path, {"engine/plain/run.py": "0" * 32})
    assert paths(tmp_path) == []


@pytest.mark.parametrize("damaged", ["", "[1", "[]", "7", '{"engine/no.py": ""}'])
def test_a_manifest_that_says_nothing_is_none(tmp_path: Path, damaged: str) -> None:
    made(tmp_path, damaged)
    assert paths(tmp_path) == []


def test_modules_of_the_present_sources_are_used(tmp_path: Path) -> None:
    from hashlib import blake2b

    digest = blake2b((PLAIN / "run.py").read_bytes(), digest_size=16).hexdigest()
    assert paths(tmp_path) == []
    folder = made(tmp_path, {"engine/plain/run.py": digest})
    assert paths(tmp_path) == [str(folder)]


def test_all_that_can_be_compiled_is_there_and_looks_for_it() -> None:
    for package, modules in COMPILED.items():
        assert "paths(Path(__file__).parent)" in (ROOT / package / "__init__.py").read_text()
        assert {f"{module}.py" for module in modules} <= {file.name for file in (ROOT / package).glob("*.py")}


@pytest.mark.skipif(not paths(PLAIN), reason="nothing is compiled: make compile")
def test_what_is_compiled_is_what_runs() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sim.engine.plain.run as run; print(run.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "_compiled" in said
    assert not said.strip().endswith(".py")
