"""What the README says is so: its code runs, its scenarios load, its commands, options and presets exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import typer
from typer.testing import CliRunner

from sim.cli import app
from sim.cluster.contract import check_graph
from sim.scenario import Scenario, load_scenario, preset_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS: dict[str, Any] = dict(vars(typer.main.get_command(app))["commands"])


def blocks(language: str) -> list[str]:
    """Return the contents of the fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def block(language: str, holds: str) -> str:
    (found,) = (content for content in blocks(language) if holds in content)
    return found


def options_of(command: str) -> set[str]:
    return {name for parameter in COMMANDS[command].params for name in parameter.opts if name.startswith("--")}


def arguments_of(command: str) -> set[str]:
    return {parameter.name for parameter in COMMANDS[command].params if not parameter.opts[0].startswith("--")}


def rows() -> Iterator[tuple[str, set[str]]]:
    """Yield each command of the table with the options that it names."""
    for usage in re.findall(r"^\| `trainwright ([^`]+)`", README, re.MULTILINE):
        yield usage.split()[0], set(re.findall(r"--[a-z-]+", usage))


def load(text: str, directory: Path) -> Scenario:
    path = directory / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(str(path))


def run(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    return namespace


def test_every_python_block_is_tried_here() -> None:
    assert len(blocks("python")) == 3


def test_the_topology_honours_the_contract() -> None:
    graph = run(block("python", "def star"))["star"](endpoints=16, nics_per_node=8)
    assert isinstance(graph, nx.Graph)
    check_graph(graph, 16)


def test_the_topology_is_shown_as_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stars.py").write_text(block("python", "def star"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    (command,) = re.findall(r"`trainwright (topology stars:star [^`]*)`", README)
    result = CliRunner().invoke(app, command.split())
    assert (result.exit_code, result.stderr) == (0, "")
    assert "star: 16 endpoints" in result.stdout


def test_the_schedule_is_one() -> None:
    orders = run(block("python", "def depth_first"))["depth_first"](4, 8, 1)
    assert [len(order) for order in orders] == [16] * 4


def test_the_results_are_read_with_pyarrow_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert CliRunner().invoke(app, ["run", "tiny", "--out", str(tmp_path / "there")]).exit_code == 0
    code = block("python", "read_table")
    assert "results/RUN_ID" in code
    assert "pandas" not in code
    run(code.replace("results/RUN_ID", str(tmp_path / "there")))
    assert re.search(r"^compute_ideal +[\d.,]+ GPU-hours$", capsys.readouterr().out, re.MULTILINE)


def test_the_scenario_loads_and_is_what_it_says(tmp_path: Path) -> None:
    scenario = load(block("toml", "extends"), tmp_path)
    assert (scenario.name, scenario.machines.gpus, scenario.seed) == ("mine", 8192, 7)
    assert scenario.machines.network.routing == "adaptive"
    assert scenario.machines.network.queue_pairs is None


def test_the_cause_of_failure_loads(tmp_path: Path) -> None:
    study = """
        name = "mine"
        training = { step_time = "10 s" }
        cluster = { node = "dgx-h100", nodes = 2 }
        recovery = { detect = "1 min", replace = "1 min", initialize = "1 min" }
        run = { horizon = "1 d" }
        repair = { crews = 0, automatic = { time = "1 h", success = 1.0 }, manual = { time = "1 d", success = 1.0 } }
    """
    scenario = load(study + block("toml", "Infant mortality"), tmp_path)
    assert [(cause.cause, cause.per_node, cause.life.kind) for cause in scenario.failures.classes] == [
        ("Infant mortality", 8, "weibull")
    ]


def test_the_outage_loads_and_needs_no_replacement(tmp_path: Path) -> None:
    study = """
        name = "mine"
        training = { step_time = "10 s" }
        cluster = { node = "dgx-h100", nodes = 2, topology = { kind = "leaf-spine" } }
        recovery = { detect = "1 min", replace = "1 min", initialize = "1 min" }
        run = { horizon = "1 d" }
    """
    scenario = load(study + block("toml", "NIC-ToR"), tmp_path)
    (link,) = [each for each in scenario.failures.classes if each.cause == "NIC-ToR link"]
    assert link.outage is not None
    assert (link.component, link.replace, link.outage.mean_s) == ("link", False, 4 * 3600)


def test_the_anchor_loads_and_is_of_the_scenario_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "my_job.toml").write_text(block("toml", "[[measured]]"), encoding="utf-8")
    scenario = load('name = "mine"\nextends = "llama3-405b"\ncalibration = { anchor = "my_job.toml" }', tmp_path)
    (anchor,) = scenario.anchors
    assert anchor.step_time_s == 6.4
    assert anchor.scenario.training is not None
    assert anchor.scenario.training.phases[-1].batch.precision == "bf16"


def test_every_toml_block_is_tried_here() -> None:
    assert len(blocks("toml")) == 4


def test_the_table_has_every_command_with_options_that_exist() -> None:
    table = dict(rows())
    assert set(table) == set(COMMANDS)
    for command, options in table.items():
        assert options <= options_of(command), command


def test_what_each_command_takes_it_takes() -> None:
    assert "Each takes `--json`; what takes a SCENARIO, STUDY or CAMPAIGN takes `--set key=value`." in README
    assert all("--json" in options_of(command) for command in COMMANDS)
    asking = {command for command in COMMANDS if {"scenario", "study", "name"} & arguments_of(command)} - {"catalog"}
    assert {"run", "step", "compare", "interval", "spares", "batch", "plan", "campaign"} <= asking
    assert all("--set" in options_of(command) for command in asking)


def test_every_option_named_anywhere_exists() -> None:
    known = set[str]().union(*map(options_of, COMMANDS))
    ours = re.sub(r"mypy --strict", "", README)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", ours)) <= known


@pytest.mark.parametrize("override", re.findall(r"--set ('[^']+'|[^\s)`]+)", README))
def test_every_override_is_one_of_the_main_job(override: str) -> None:
    if override != "key=value":
        assert load_scenario("llama3-405b", [override.strip("'")]) != load_scenario("llama3-405b")


def test_the_presets_are_those_that_exist() -> None:
    (listed,) = re.findall(r"SCENARIO is a preset \(([^)]+)\)", README)
    assert re.findall(r"`([^`]+)`", listed) == sorted(preset_names(), key=listed.index)
    assert set(re.findall(r"`([^`]+)`", listed)) == set(preset_names())


def test_the_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+) +#|`make ([a-z]+)`", README)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_every_file_named_exists() -> None:
    for name in re.findall(r"`((?:sim|topologies|tests|experiments)/[\w/.]+)`", README):
        assert (ROOT / name).exists(), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "starts"), [("run", "llama3-405b: llama3-405b on"), ("step", "llama3-405b: one step of")]
)
def test_the_output_shown_is_the_output(
    command: str, starts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [command, "llama3-405b"])
    assert result.exit_code == 0
    shown, printed = block("text", starts).splitlines(), result.stdout.splitlines()
    if command == "run":
        assert shown.pop() == "Written: results/llama3-405b-…"
        assert printed.pop().startswith("Written: results/llama3-405b-")
    assert printed == shown
