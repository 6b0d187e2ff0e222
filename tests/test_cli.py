"""The command line: what it prints where, its exit codes, and what it leaves on disk."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import sim
from sim.cli import app
from sim.engine.step import simulate_step
from sim.errors import ScenarioError, SimulationError
from sim.ledger.files.parquet import check_free
from sim.ledger.time.trace import RunTrace, Segment
from sim.scenario.form import FIGURES
from tests.engine.plans import uniform_plan
from tests.report.examples import run_result, step_result, topology_result

COMMANDS = {
    "afford",
    "batch",
    "campaign",
    "catalog",
    "compare",
    "explain",
    "generations",
    "interval",
    "optimise",
    "own-or-rent",
    "plan",
    "price",
    "report",
    "results",
    "run",
    "schema",
    "sensitivity",
    "spares",
    "step",
    "topology",
    "validate",
}
TRACE = RunTrace(
    gpus_per_node=8,
    nodes=2,
    spare_nodes=0,
    end_us=100,
    complete=True,
    segments=(Segment(0, 100, 100, "step", "", 0, 0, 2),),
    reversals=(),
    stays=(),
    events=(),
    retained_steps=(1,),
    lost_steps=(0,),
    in_flight_steps=(0,),
    processed_steps=(1,),
)


class Fake:
    """Stands for the simulation: answers at once with the results of tests/report, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.simulated = 0
        self.error: BaseException | None = None

    def simulate(self, scenario: Any, progress: Any, allow_plugins: bool) -> Any:
        self.simulated += 1
        progress(0.5, "run")
        if self.error is not None:
            raise self.error
        return SimpleNamespace(trace=TRACE, json=run_result() | {"seed": scenario.seed}, run_id=f"id{scenario.seed}")

    def write_run(self, result: Any, answer: dict[str, Any], directory: Path, force: bool) -> None:
        check_free(directory, force)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "runs.parquet").write_text(result.run_id)
        (directory / "run.json").write_text(json.dumps(answer))

    def existing_run(self, directory: Path, run_id: str) -> Any:
        table = directory / "runs.parquet"
        same = table.exists() and table.read_text() == run_id
        return json.loads((directory / "run.json").read_text()) if same else None

    def simulate_step_of(self, scenario: Any, phase: int | None, allow_plugins: bool) -> Any:
        self.asked.append((scenario.name, phase))
        return SimpleNamespace(timeline=simulate_step(uniform_plan("1f1b", stages=2, microbatches=4)))

    def topology_json(
        self, target: str, arguments: dict[str, object], collective: str | None, allow_plugins: bool, inside: bool
    ) -> dict[str, Any]:
        self.asked.append((target, arguments, collective))
        return topology_result()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    """Give the commands a simulation that takes no time, and an empty directory to work in."""
    fake = Fake()
    for name, stand_in in {
        "sim.simulate.simulate": fake.simulate,
        "sim.simulate.simulate_step_of": fake.simulate_step_of,
        "sim.simulate.run_id": lambda scenario: f"id{scenario.seed}",
        "sim.report.run.answers.run_json": lambda result: dict(result.json),
        "sim.report.run.answers.step_json": lambda result, scenario: step_result(),
        "sim.report.run.results.write_run": fake.write_run,
        "sim.report.run.results.existing_run": fake.existing_run,
        "sim.report.network.fabric.topology_json": fake.topology_json,
    }.items():
        monkeypatch.setattr(name, stand_in)
    monkeypatch.chdir(tmp_path)
    return fake


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def child(*arguments: str, code: str = "from sim.cli import app; app()") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_nothing_heavy_is_loaded_for_help() -> None:
    heavy = ["numpy", "scipy", "simpy", "networkx", "pyarrow", "matplotlib", "pydantic", "rich"]
    done = child(code=f"import sys, sim.cli; print([name for name in {heavy} if name in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_help_names_the_commands_that_exist_and_no_others() -> None:
    done = child("--help")
    assert done.returncode == 0
    listed = done.stdout.split("Commands:")[1].splitlines()
    assert {line.split()[0] for line in listed if line.strip()} == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_the_version_is_printed() -> None:
    assert f"models {sim.MODEL_VERSION}" in call("--version").stdout


def test_a_run_is_written_to_a_directory_of_its_own(fake: Fake) -> None:
    result = call("run", "tiny")
    assert result.exit_code == 0, result.output
    assert "useful FLOP" in result.stdout
    assert Path("results/id1/run.json").exists()
    assert "Written: results/id1" in result.stdout


def test_json_is_all_that_stdout_gets(fake: Fake) -> None:
    result = call("run", "tiny", "--json")
    assert json.loads(result.stdout) == run_result()


def test_an_identical_run_is_reported_and_not_simulated_again(fake: Fake) -> None:
    call("run", "tiny")
    before = Path("results/id1/run.json").stat().st_mtime_ns
    result = call("run", "tiny")
    assert (result.exit_code, fake.simulated) == (0, 1)
    assert "Done before, nothing rewritten: results/id1" in result.stdout
    assert Path("results/id1/run.json").stat().st_mtime_ns == before


def test_force_simulates_an_identical_run_again(fake: Fake) -> None:
    call("run", "tiny")
    assert "Written" in call("run", "tiny", "--force").stdout
    assert fake.simulated == 2


def test_a_different_output_is_kept_unless_forced_and_found_before_the_run(fake: Fake) -> None:
    call("run", "tiny", "--out", "there")
    result = call("run", "tiny", "--seed", "2", "--out", "there")
    assert (result.exit_code, fake.simulated) == (2, 1)
    assert result.stderr == "trainwright: there: exists already; use --force to replace it, or another --out\n"
    assert call("run", "tiny", "--seed", "2", "--out", "there", "--force").exit_code == 0
    assert json.loads(Path("there/run.json").read_text())["seed"] == 2


def test_the_seed_option_is_an_override(fake: Fake) -> None:
    assert json.loads(call("run", "tiny", "--seed", "7", "--json").stdout)["seed"] == 7
    assert json.loads(call("run", "tiny", "--set", "run.seed=8", "--json").stdout)["seed"] == 8


def test_a_trace_of_a_known_run_is_simulated_without_rewriting_it(fake: Fake) -> None:
    call("run", "tiny")
    before = Path("results/id1/run.json").stat().st_mtime_ns
    assert call("run", "tiny", "--trace", "deep/run.json").exit_code == 0
    assert json.loads(Path("deep/run.json").read_text())["traceEvents"][-1]["name"] == "step"
    assert Path("results/id1/run.json").stat().st_mtime_ns == before


def test_a_directory_that_holds_something_else_is_never_replaced(fake: Fake) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("ten years")
    assert call("run", "tiny", "--out", "mine", "--force").exit_code == 2
    assert (fake.simulated, [path.name for path in Path("mine").iterdir()]) == (0, ["thesis.txt"])


@pytest.mark.parametrize("command", [["run", "tiny"], ["step", "tiny"]])
def test_an_existing_trace_is_kept_unless_forced(fake: Fake, command: list[str]) -> None:
    Path("t.json").write_text("mine")
    result = call(*command, "--trace", "t.json")
    assert (result.exit_code, fake.simulated, Path("t.json").read_text()) == (2, 0, "mine")
    assert not Path("results").exists()
    assert call(*command, "--trace", "t.json", "--force").exit_code == 0
    assert "traceEvents" in Path("t.json").read_text()
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_an_output_that_cannot_be_written_is_found_before_the_run(fake: Fake) -> None:
    Path("file").write_text("")
    result = call("run", "tiny", "--out", "file/results")
    assert (result.exit_code, fake.simulated) == (2, 0)
    assert "file is not a directory" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_directory_without_permission_is_found_before_the_run(fake: Fake) -> None:
    Path("locked").mkdir(mode=0o500)
    result = call("run", "tiny", "--out", "locked/results")
    assert (result.exit_code, fake.simulated) == (2, 0)
    assert "no permission" in result.stderr


def test_bad_input_is_one_line_and_exit_code_2(fake: Fake) -> None:
    result = call("run", "tinny")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"trainwright: .*tinny.*did you mean 'tiny'.*\n", result.stderr)


def test_each_of_several_problems_gets_its_line(fake: Fake) -> None:
    fake.error = ScenarioError("first\nsecond")
    assert call("run", "tiny").stderr == "trainwright: tiny: first\ntrainwright: tiny: second\n"


def test_a_run_that_fails_has_exit_code_1_and_leaves_nothing(fake: Fake) -> None:
    fake.error = SimulationError("the ledger does not balance")
    result = call("run", "tiny")
    assert (result.exit_code, result.stderr) == (1, "trainwright: tiny: the ledger does not balance\n")
    assert not Path("results").exists()


def test_an_interrupt_is_one_line_and_exit_code_130(fake: Fake) -> None:
    fake.error = KeyboardInterrupt()
    result = call("run", "tiny")
    assert (result.exit_code, result.stderr) == (130, "trainwright: interrupted\n")
    assert not Path("results").exists()


def test_every_wrong_key_is_named_with_the_nearest(fake: Fake) -> None:
    result = call("run", "tiny", "--set", "cluster.nods=3", "--set", "run.sed=1")
    assert (result.exit_code, fake.simulated) == (2, 0)
    assert len(result.stderr.splitlines()) == 2
    assert all(line.startswith("trainwright: ") and "did you mean" in line for line in result.stderr.splitlines())


def test_a_defect_of_ours_is_not_dressed_up_as_bad_input(fake: Fake) -> None:
    fake.error = ZeroDivisionError()
    assert isinstance(call("run", "tiny").exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run"], "Missing argument 'SCENARIO'"),
        (["runn", "tiny"], "Did you mean 'run'"),
        (["run", "tiny", "more"], "unexpected extra argument"),
        (["run", "tiny", "--sead", "3"], "No such option: --sead"),
        (["step", "tiny", "--phase", "x"], "--phase: got 'x', expected a whole number"),
        (["--json", "run", "tiny"], "No such option: --json"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line_too(fake: Fake, arguments: list[str], expected: str) -> None:
    result = call(*arguments)
    assert (result.exit_code, result.stdout, fake.simulated) == (2, "", 0)
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("trainwright: ")
    assert expected in result.stderr


def test_a_phase_that_is_not_there_names_those_that_are() -> None:
    for phase in ("-1", "2"):
        result = call("step", "tiny", "--phase", phase)
        assert result.exit_code == 2
        assert result.stderr == f"trainwright: tiny: --phase: got {phase}; expected one of 0 (ramp), 1 (main)\n"


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "99999999999999999999"])
def test_a_seed_is_refused_like_the_key(fake: Fake, seed: str) -> None:
    result = call("run", "tiny", "--seed", seed)
    assert (result.exit_code, fake.simulated) == (2, 0)
    assert result.stderr.startswith("trainwright: tiny: run.seed: got ")


def test_no_command_shows_the_help() -> None:
    result = call()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


@pytest.mark.parametrize("trace", ["there", "."])
def test_a_trace_in_the_place_of_the_results_is_refused_before_the_run(fake: Fake, trace: str) -> None:
    result = call("run", "tiny", "--out", "there", "--trace", trace, "--force")
    assert (result.exit_code, fake.simulated, Path("there").exists()) == (2, 0, False)


@pytest.mark.parametrize(
    "command",
    [
        ["step", "tiny", "--trace"],
        ["step", "tiny", "--picture"],
        ["topology", "fat-tree", "k=4", "--picture"],
        ["run", "tiny", "--out"],
    ],
)
def test_a_name_that_no_file_can_have_is_refused(command: list[str]) -> None:
    result = call(*command, "x" * 300 + ".svg")
    assert result.exit_code == 2
    assert "cannot be written: File name too long" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_an_empty_directory_without_permission_is_found_before_the_run(fake: Fake) -> None:
    Path("locked").mkdir(mode=0o500)
    result = call("run", "tiny", "--out", "locked")
    assert (result.exit_code, fake.simulated) == (2, 0)
    assert "no permission" in result.stderr


def test_a_step_is_shown_of_the_phase_asked_for(fake: Fake) -> None:
    assert "Step time" in call("step", "tiny", "--phase", "2").stdout
    assert json.loads(call("step", "tiny", "--json").stdout) == step_result()
    assert fake.asked == [("tiny", 2), ("tiny", None)]


def test_a_steps_trace_holds_every_operation(fake: Fake) -> None:
    call("step", "tiny", "--trace", "t.json")
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    assert sum(event["ph"] == "X" for event in events) == 2 * 4 * 2


def test_a_steps_picture_is_drawn_with_the_facts_of_its_report(fake: Fake) -> None:
    assert call("step", "tiny", "--picture", "deep/p.svg").exit_code == 0
    picture = Path("deep/p.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg ")
    assert "Step 6.32 s, MFU 40.0 %, bubble 10.0 %, 16 microbatches" in picture
    assert [path.name for path in Path("deep").iterdir()] == ["p.svg"]


def test_an_existing_picture_is_kept_unless_forced(fake: Fake) -> None:
    Path("p.svg").write_text("mine")
    result = call("step", "tiny", "--picture", "p.svg")
    assert (result.exit_code, fake.asked, Path("p.svg").read_text()) == (2, [], "mine")
    assert result.stderr == "trainwright: p.svg: exists already; use --force to replace it\n"
    assert call("step", "tiny", "--picture", "p.svg", "--force").exit_code == 0
    assert Path("p.svg").read_text().startswith("<svg ")


def test_a_picture_in_the_place_of_the_trace_is_refused(fake: Fake) -> None:
    result = call("step", "tiny", "--trace", "one", "--picture", "one")
    assert (result.exit_code, fake.asked, Path("one").exists()) == (2, [], False)


def test_topology_arguments_are_typed(fake: Fake) -> None:
    texts = ["k=8", "ratio=1.5", "shape=4,4,2", "over=[1, 7]", "name=clos-x", "on=true"]
    result = call("topology", "fat-tree", *texts, "--collective", "all-reduce", "--json")
    assert json.loads(result.stdout) == topology_result()
    arguments = {"k": 8, "ratio": 1.5, "shape": [4, 4, 2], "over": [1, 7], "name": "clos-x", "on": True}
    assert fake.asked == [("fat-tree", arguments, "all-reduce")]


@pytest.mark.parametrize("text", ["k", "k=", "=8"])
def test_a_topology_argument_without_a_value_is_refused(fake: Fake, text: str) -> None:
    result = call("topology", "fat-tree", text)
    assert (result.exit_code, fake.asked) == (2, [])
    assert "expected key=value" in result.stderr


def test_a_topology_argument_given_twice_is_refused(fake: Fake) -> None:
    assert "given twice" in call("topology", "fat-tree", "k=4", "k=8").stderr


def test_the_catalog_lists_kinds_names_and_entries() -> None:
    kinds = json.loads(call("catalog", "--json").stdout)
    assert "h100-sxm" in kinds["accelerator"]
    assert json.loads(call("catalog", "node", "--json").stdout) == {"node": kinds["node"]}
    rows = json.loads(call("catalog", "accelerator", "h100-sxm", "--json").stdout)
    assert {"field", "value", "unit", "source", "date", "kind", "note"} == set(rows[0])
    assert "data sheet" in call("catalog", "accelerator", "h100-sxm").stdout


@pytest.mark.parametrize("arguments", [["nodes"], ["node", "dgx-h10"]])
def test_an_unknown_entry_names_the_nearest(arguments: list[str]) -> None:
    result = call("catalog", *arguments)
    assert result.exit_code == 2
    assert "did you mean" in result.stderr


def test_the_schema_is_json_with_and_without_the_flag() -> None:
    schema = json.loads(call("schema").stdout)
    assert "cluster" in schema["properties"]
    assert json.loads(call("schema", "--json").stdout) == schema


def test_a_reader_that_stops_early_causes_no_complaint() -> None:
    script = (
        "import os, sys; read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "from sim.cli import app; app(['catalog', 'price-book', '2026-owned'])"
    )
    done = child(code=script)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_unicode_gets_plain_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = child("catalog", "model", "llama3-405b")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()


def test_tiny_through_every_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("run", "tiny", "--out", "out", "--trace", "run.json")
    assert result.exit_code == 0
    assert "trainwright:" not in result.stderr  # progress is said on a slow machine
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert {"waterfall.svg", "run.json", "runs.parquet", "time_ledger.parquet"} <= {
        p.name for p in Path("out").iterdir()
    }
    assert json.loads(call("run", "tiny", "--out", "out", "--json").stdout) == json.loads(
        Path("out/run.json").read_text()
    )
    events = json.loads(Path("run.json").read_text())["traceEvents"]
    assert {event["name"] for event in events if event["ph"] == "X"} >= {"step"}


def test_the_step_of_tiny_is_shown_and_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = call("step", "tiny", "--trace", "step.json", "--picture", "step.svg")
    assert Path("step.svg").read_text().count("stage 1<") == 1
    assert (result.exit_code, result.stderr) == (0, "")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert sum(json.loads(call("step", "tiny", "--json").stdout)["waterfall"].values()) == pytest.approx(1)


def test_a_known_run_stands_beside_the_figures_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["run", "tiny", "--out", "out", "--json"]
    assert json.loads(call(*command).stdout)["published"] == {}
    figure = "published.figures.ettr={value = 0.9, unit = 'fraction', source = 'a paper'}"
    assert set(json.loads(call(*command, "--set", figure).stdout)["published"]) == {"ettr"}


@pytest.mark.parametrize("content", ["[]", "{}", "{"])
def test_an_answer_that_is_not_the_runs_own_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("run", "tiny", "--out", "out").exit_code == 0
    Path("out/run.json").write_text(content)
    result = call("run", "tiny", "--out", "out")
    assert result.exit_code == 2
    assert "use --force to write it again" in result.stderr
    assert call("run", "tiny", "--out", "out", "--force").exit_code == 0


def test_a_bill_that_no_table_holds_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    costly = ["--set", "cost.override.staff/fte=1e9", "--set", "cost.override.staff/research=1e9"]
    result = call("run", "tiny", *costly)
    assert result.exit_code == 2
    assert "price book '2026-owned': a bill of" in result.stderr
    assert not Path("results").exists()


def test_every_figure_that_may_be_published_has_a_counterpart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answers = [json.loads(call(command, "tiny", "--json").stdout) for command in ("run", "step")]
    for figure in FIGURES:
        (found,) = (answer[figure] for answer in answers if figure in answer)
        assert isinstance(found, float | int | dict), figure


def test_what_does_not_fit_together_names_the_scenario() -> None:
    result = call("step", "tiny", "--set", "cluster.topology.radix=2")
    assert result.exit_code == 2
    assert result.stderr.startswith("trainwright: tiny: cluster.topology: leaf-spine: ")


@pytest.mark.parametrize("command", ["step", "run"])
def test_what_does_not_fit_together_names_the_file_and_not_what_is_in_it(command: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "other"\nextends = "tiny"\ncluster.topology.radix = 2\n')
    result = call(command, str(file))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[0].startswith(f"trainwright: {file}: cluster.topology: leaf-spine: ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["fat-tre", "k=4"], "did you mean 'fat-tree'"),
        (["tiny", "k=4"], "tiny: got k; expected no arguments"),
        (["fat-tree", "k=4", "--collective", "p2p"], "--collective: unknown collective 'p2p'"),
        (["fat-tree", "k=4", "endpoints=1"], "expected at least 2"),
        (["fat-tree", "k=100000000000"], "k: got 100000000000"),
        (["leaf-spine", "radix=100000000000"], "radix: got 100000000000"),
        (["clos", "radix=4096"], "endpoints: got "),
        (["torus", "shape=4,4", "wrp=true"], "unknown argument of torus 'wrp'; did you mean 'wrap'?"),
        (["torus", "shape=4,x"], "shape[1]: got 'x', expected an integer >= 1"),
        (["dragonfly", "p=4", "a=8"], "dragonfly needs h"),
        (["slim-fly", "q=28", "p=21"], "q: got 28, expected a prime power other than 2; the nearest are 27 and 29"),
        (["multi-site", "wan_bandwidth_bytes_per_s=0"], "wan_bandwidth_bytes_per_s: got 0"),
        (["rail-only", "endpoints=36", "nics_per_node=4", "rails=8"], "endpoints: got 36, expected whole nodes of 8"),
        (["imported", "file=none.json"], "file: got 'none.json', which cannot be read"),
        (["fat-tree", "k=4", "--export", "tree.png"], "--export: got a name that ends in '.png'"),
        (["fat-tree", "k=4", "--export", "tree.yml"], "--export: got a graph that is no closed torus or HyperX"),
    ],
)
def test_a_topology_that_cannot_be_shown_is_one_line(arguments: list[str], expected: str) -> None:
    result = call("topology", *arguments)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert expected in result.stderr


def test_a_topology_is_exported_and_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "tree.json")
    first = call("topology", "rail-only", "endpoints=64", "radix=16", "--export", path, "--json")
    again = call("topology", "rail-only", "endpoints=64", "radix=16", "--export", path)
    assert (first.exit_code, again.exit_code) == (0, 2)
    assert "exists already; use --force" in again.stderr
    found = call("topology", "imported", f"file={path}", "--json")
    assert json.loads(found.stdout) == json.loads(first.stdout)


def test_a_topology_is_drawn_beside_its_report(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tree.svg"
    plain = call("topology", "fat-tree", "k=4", "--collective", "all-to-all")
    result = call("topology", "fat-tree", "k=4", "--collective", "all-to-all", "--picture", str(path))
    assert (result.exit_code, result.stdout) == (0, plain.stdout)
    picture = path.read_text(encoding="utf-8")
    assert picture.startswith("<svg ")
    assert ">fat-tree, 16 endpoints<" in picture
    assert ">binds all-to-all: " in picture
    assert [each.name for each in path.parent.iterdir()] == ["tree.svg"]


def test_a_scenarios_drawing_shows_what_its_health_has_taken(tmp_path: Path) -> None:
    scenario, path = tmp_path / "hurt.toml", tmp_path / "hurt.svg"
    lost = 'lost = ["spine-0-0", { nvswitch = 1, count = 1 }]'
    scenario.write_text(f'name = "hurt"\nextends = "tiny"\n[cluster.health]\n{lost}\n')
    assert call("topology", str(scenario), "--picture", str(path)).exit_code == 0
    picture = path.read_text(encoding="utf-8")
    assert ">hurt: leaf-spine, 24 endpoints<" in picture
    assert 'class="m gone" font-size="9">spine-0-0<' in picture
    assert ">NVSwitches are lost in node 1.<" in picture


def test_an_existing_drawing_is_kept_unless_forced(fake: Fake) -> None:
    Path("p.svg").write_text("mine")
    result = call("topology", "fat-tree", "k=4", "--picture", "p.svg")
    assert (result.exit_code, fake.asked, Path("p.svg").read_text()) == (2, [], "mine")
    assert result.stderr == "trainwright: p.svg: exists already; use --force to replace it\n"


@pytest.mark.parametrize("name", ["p.png", "p", "p.svg.gz"])
def test_a_drawing_is_svg_and_nothing_else(fake: Fake, name: str) -> None:
    result = call("topology", "fat-tree", "k=4", "--picture", name)
    assert (result.exit_code, fake.asked, list(Path().iterdir())) == (2, [], [])
    ending = Path(name).suffix
    assert result.stderr == f"trainwright: --picture {name}: got a name that ends in '{ending}', expected .svg\n"


def test_nothing_is_written_where_one_of_two_files_cannot_be(tmp_path: Path) -> None:
    picture, export = str(tmp_path / "tree.svg"), str(tmp_path / "tree.yml")
    result = call("topology", "fat-tree", "k=4", "--picture", picture, "--export", export)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])


def test_a_tpu_pod_shows_its_optical_switches() -> None:
    result = call("topology", "tpu-v4", "shape=4,4,8")
    assert "Optical switches 48" in result.stdout
    assert "none: chips are their own routers" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "hosts", "switches", "hops"),
    [
        (["torus", "shape=4,4,4"], 64, 0, 6),
        (["dragonfly", "p=2", "a=4", "h=2"], 72, 36, 5),
        (["hyperx", "shape=4,4"], 16, 0, 2),
        (["multi-plane", "planes=2", "radix=16"], 256, 48, 4),
        (["alibaba-hpn", "segments=1"], 2048, 136, 4),
        (["superpod-h100", "units=1"], 248, 12, 4),
        (["jellyfish", "switches=20", "ports=8", "degree=5", "seed=1"], 60, 20, 5),
    ],
)
def test_kinds_of_topology_print_their_counts(arguments: list[str], hosts: int, switches: int, hops: int) -> None:
    result = call("topology", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    facts = json.loads(result.stdout)
    assert (facts["hosts"], facts["switches"], facts["diameter_hops"]) == (hosts, switches, hops)


def test_a_kind_of_topology_is_shown() -> None:
    result = call("topology", "fat-tree", "k=4")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "6 hops" in result.stdout


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ('{ all-reduce = "treee" }', "did you mean 'tree'"),
        ('{ alreduce = "tree" }', "did you mean 'all-reduce'"),
        ('{ all-to-all = "pairwise" }', "cluster.network.algorithm.all-to-all: 'pairwise' fits none"),
    ],
)
def test_an_algorithm_that_is_unknown_or_of_no_use_is_one_line(algorithm: str, expected: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = call("run", "tiny", "--out", str(out), "--set", f"cluster.network.algorithm={algorithm}")
    assert result.exit_code == 2
    assert expected in result.stderr.splitlines()[-1]
    assert not out.exists()
