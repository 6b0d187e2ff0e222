"""The floors of the house: imports go down only, and each outside library has its place."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    "sim.errors": 0,
    "sim.quantities": 0,
    "sim.streams": 0,
    "sim.plugins": 0,
    "sim.compiled": 0,
    "topologies": 1,
    "sim.catalog": 1,
    "sim.cluster": 2,
    "sim.workload": 3,
    "sim.reliability": 4,
    "sim.ledger": 5,
    "sim.engine": 6,
    "sim.scenario": 7,
    "sim.machine": 8,
    "sim.steps": 9,
    "sim.planning": 10,
    "sim.simulate": 11,
    "sim.batch": 12,
    "sim.campaign": 13,
    "sim.report": 14,
    "sim.analysis": 14,
    "sim.terminal": 15,
    "sim.commands": 16,
    "sim.cli": 17,
}
"""Floor of each package or module; one on the same floor is imported only from within itself, except on floor 0."""

OUTSIDE = {
    "numba": ("sim.cluster.fabric.filling",),
    "numpy": ("sim",),
    "scipy": ("sim",),
    "networkx": ("topologies", "sim.cluster", "sim.report"),
    "simpy": ("sim.engine",),
    "pyarrow": ("sim.ledger", "sim.batch", "sim.report", "sim.analysis"),
    "pydantic": ("sim.scenario", "sim.batch", "sim.campaign"),
    "pydantic_core": ("sim.scenario", "sim.batch"),
    "distributed": ("sim.batch.drive",),
    "duckdb": ("sim.batch.store",),
    "matplotlib": ("sim.report",),
    "rich": ("sim.report", "sim.cli"),
    "typer": ("sim.cli", "sim.commands", "sim.terminal"),
    "mypyc": ("sim.compiled",),
    "setuptools": ("sim.compiled",),
}
"""Who may import which library."""

HEAVY = ("distributed", "duckdb", "matplotlib", "numba", "pyarrow", "scipy", "networkx", "numpy", "pydantic", "simpy")
"""Libraries that must not be loaded for `--help`: the command line imports them, and all that does, inside commands."""

SOURCES = sorted([*(ROOT / "sim").rglob("*.py"), *(ROOT / "topologies").rglob("*.py")])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, tree: ast.AST) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions, with the names after `from`."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                stem = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*stem, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str | None:
    """Return the package or module of FLOORS that a dotted name lies in."""
    found = [part for part in FLOORS if module == part or module.startswith(f"{part}.")]
    return found[0] if found else None


def is_ours(module: str) -> bool:
    return module.split(".")[0] in ("sim", "topologies", "experiments", "tests")


def edges() -> Iterator[tuple[str, str]]:
    for path in SOURCES:
        for imported in imports_of(path, ast.parse(path.read_text())):
            yield module_of(path), imported


def violations(importer: str, imported: str) -> str | None:
    """Return why an import breaks the floors, or None."""
    source, target = part_of(importer), part_of(imported)
    if imported == "sim.MODEL_VERSION" or not is_ours(imported):
        return None
    if source is None or target is None:
        return f"{importer} imports {imported}, which has no floor"
    if source != target and (FLOORS[target], FLOORS[source]) != (0, 0) and FLOORS[target] >= FLOORS[source]:
        return f"{importer} (floor {FLOORS[source]}) imports {imported} (floor {FLOORS[target]})"
    return None


def test_every_module_has_a_floor() -> None:
    homeless = [m for m in map(module_of, SOURCES) if part_of(m) is None and m != "sim"]
    assert homeless == []


def test_imports_go_down_only() -> None:
    assert [why for a, b in edges() if (why := violations(a, b))] == []


@pytest.mark.parametrize("library", sorted(OUTSIDE))
def test_a_library_is_imported_only_where_it_has_its_place(library: str) -> None:
    allowed = OUTSIDE[library]
    strays = [
        a
        for a, b in edges()
        if b.split(".")[0] == library and not any(a == home or a.startswith(f"{home}.") for home in allowed)
    ]
    assert strays == []


def test_topologies_import_networkx_and_the_standard_library_only() -> None:
    known = {*sys.stdlib_module_names, "networkx", "topologies"}
    assert [(a, b) for a, b in edges() if a.startswith("topologies") and b.split(".")[0] not in known] == []


def test_every_outside_library_is_named_here() -> None:
    known = {*sys.stdlib_module_names, *OUTSIDE}
    assert sorted({b.split(".")[0] for _, b in edges() if not is_ours(b)} - known) == []


def test_the_floor_0_modules_form_no_cycle() -> None:
    pairs = {(part_of(a), part_of(b)) for a, b in edges()}
    ground = {(a, b) for a, b in pairs if a and b and a != b and FLOORS[a] == FLOORS[b] == 0}
    while ground:
        leaves = {b for _, b in ground} - {a for a, _ in ground}
        assert leaves, f"cycle in {ground}"
        ground = {(a, b) for a, b in ground if b not in leaves}


def test_the_project_never_imports_its_tests() -> None:
    assert [(a, b) for a, b in edges() if b.split(".")[0] == "tests"] == []


def test_the_command_line_imports_nothing_heavy_at_the_top() -> None:
    path = ROOT / "sim" / "cli.py"
    if not path.exists():
        pytest.skip("the command line is not there yet")
    top = ast.Module(
        body=[n for n in ast.parse(path.read_text()).body if isinstance(n, ast.Import | ast.ImportFrom)],
        type_ignores=[],
    )
    assert [name for name in imports_of(path, top) if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("sim.engine.jobs.job", "sim.reliability.records.RunPlan", True),
        ("sim.reliability.clocks", "sim.engine.jobs.job", False),
        ("sim.report.page", "sim.analysis.validate", False),
        ("sim.catalog.load", "topologies", False),
        ("sim.plugins", "sim.errors.InputError", True),
        ("sim.errors", "sim.catalog.records", False),
        ("sim.engine.step", "sim.engine.stages.stage", True),
        ("sim.simulate", "sim.MODEL_VERSION", True),
        ("sim.simulate", "sim.unheard_of", False),
        ("sim.simulate", "json.loads", True),
    ],
)
def test_the_rule_itself_tells_up_from_down(importer: str, imported: str, allowed: bool) -> None:
    assert (violations(importer, imported) is None) == allowed


def test_relative_and_nested_imports_are_seen() -> None:
    text = "from . import b\nfrom ..cluster import c\ndef f():\n    import simpy\n    from .d import e\n"
    seen = list(imports_of(ROOT / "sim" / "engine" / "a.py", ast.parse(text)))
    assert sorted(seen) == ["sim.cluster.c", "sim.engine.b", "sim.engine.d.e", "simpy"]
