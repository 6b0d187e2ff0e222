"""The command line. Everything heavy is imported inside the command that needs it: `--help` answers at once."""

import atexit
import gc
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from sim.commands.batches import batch, results
from sim.commands.campaigns import afford, campaign, own_or_rent
from sim.commands.explain import explain
from sim.commands.generations import generations
from sim.commands.optimise import optimise
from sim.commands.options import (
    ForceOption,
    JsonOption,
    PictureOption,
    PluginsOption,
    ScenarioArgument,
    SetOption,
    TraceOption,
)
from sim.commands.plans import plan
from sim.commands.policies import interval, spares
from sim.commands.pricing import price
from sim.commands.report import report
from sim.commands.sensitivity import sensitivity
from sim.commands.validations import validate
from sim.engine.collector import rare_collections
from sim.errors import InputError, OutputError, TrainwrightError
from sim.terminal import (
    arguments_of,
    bad_option,
    check_apart,
    check_output,
    check_results,
    complain,
    located,
    marks,
    show_facts,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from sim.scenario import Scenario

BAD_INPUT, INTERRUPTED = 2, 130


class _Commands(TyperGroup):
    """Turns errors into one clear line a problem and an exit code: 1 a run failed, 2 bad input, 130 interrupted."""

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run; a command line that cannot be read is bad input like any other."""
        try:
            code = super().main(*arguments, **{**settings, "standalone_mode": False})
        except TyperException as error:
            message = error.format_message()
            if "\n" in message:  # The help itself, where nothing was asked.
                typer.echo(message, err=True)
            else:
                complain(f"{bad_option(error) or message.rstrip('.')} (see --help)")
            code = BAD_INPUT
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        atexit.register(gc.freeze)  # At its end the interpreter would search everything for cycles, in vain.
        try:
            with rare_collections():
                result = super().invoke(ctx)
            sys.stdout.flush()
        except TrainwrightError as error:
            complain(str(error))
            raise typer.Exit(BAD_INPUT if isinstance(error, InputError) else 1) from error
        except KeyboardInterrupt as error:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:
            # Whoever read the output has seen enough; without this Python complains again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        return result


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Simulate the training of a frontier model on a cluster, from one kernel to the last invoice.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        from sim import MODEL_VERSION

        try:
            installed = version("trainwright")
        except PackageNotFoundError:
            installed = "(not installed)"
        typer.echo(f"trainwright {installed}, models {MODEL_VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of no command in particular."""


@app.command()
def run(
    scenario: ScenarioArgument,
    seed: Annotated[str | None, typer.Option(metavar="N", help="Seed instead of the scenario's.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Results instead of results/RUN_ID.")] = None,
    trace: TraceOption = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate one run, write Parquet, and print where the time went and what it cost."""
    from sim.report.run.answers import with_published
    from sim.report.run.results import existing_run
    from sim.report.run.run_report import run_report
    from sim.scenario import load_scenario
    from sim.simulate import run_id

    seeded = [] if seed is None else [f"run.seed={seed}"]
    loaded = load_scenario(scenario, [*(overrides or []), *seeded])
    identity = run_id(loaded)
    directory = out or Path("results") / identity
    known = None if force else existing_run(directory, identity)
    if known is None:
        check_results(directory, force)
    if trace is not None:
        check_output(trace, force)
        check_apart(trace, directory)
    if known is None or trace is not None:
        answer = _simulate_run(loaded, scenario, None if known else directory, trace, force, allow_plugins)
    else:
        # What is published does not name a run, so that it may have changed since.
        answer = with_published(known, loaded)
    ending = f"{'Done before, nothing rewritten' if known else 'Written'}: {directory}"
    show_facts(answer, as_json, lambda: f"{run_report(answer, marks())}\n\n{ending}")


def _simulate_run(
    scenario: "Scenario", source: str, directory: Path | None, trace: Path | None, force: bool, allow_plugins: bool
) -> dict[str, Any]:
    """Return the answer of a run; write its results where a directory is given, and its trace where a file is."""
    from sim.report.progress import progress
    from sim.report.run.answers import run_json
    from sim.report.run.results import write_run
    from sim.report.step.chrome_trace import run_trace
    from sim.simulate import simulate

    with progress(sys.stderr) as report, located(source):
        result = simulate(scenario, report, allow_plugins)
    answer = run_json(result)
    if directory is not None:
        write_run(result, answer, directory, force)
    if trace is not None:
        write_json(trace, run_trace(result.trace))
    return answer


@app.command()
def step(
    scenario: ScenarioArgument,
    phase: Annotated[int | None, typer.Option(metavar="N", help="Phase of training, from 0.")] = None,
    trace: TraceOption = None,
    picture: PictureOption = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Simulate one optimizer step: time, MFU, bubble, exposed communication and memory."""
    from sim.report.run.answers import step_json
    from sim.report.step.chrome_trace import chrome_trace
    from sim.report.step.pipeline_picture import step_picture
    from sim.report.step.step_report import step_report
    from sim.scenario import load_scenario
    from sim.simulate import simulate_step_of

    loaded = load_scenario(scenario, overrides or [])
    for path in filter(None, (trace, picture)):
        check_output(path, force)
    if trace is not None and picture is not None and trace.absolute() == picture.absolute():
        raise OutputError(f"--picture {picture}: the trace goes there; expected another file")
    with located(scenario):
        result = simulate_step_of(loaded, phase, allow_plugins)
    if trace is not None:
        write_json(trace, chrome_trace(result.timeline))
    answer = step_json(result, loaded)
    if picture is not None:
        write_text(picture, step_picture(result.timeline, answer))
    show_facts(answer, as_json, lambda: step_report(answer, marks()))


@app.command()
def compare(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO|STUDY", help="A scenario with --over, or a study's name or TOML file.")
    ],
    over: Annotated[
        list[str] | None, typer.Option("--over", metavar="KEY=A,B,C", help="A dotted key and the values to compare.")
    ] = None,
    replicas: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Runs of each, under the same seeds: 3, or the study's.")
    ] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="Draw what ranks variants against time, tokens or cost (SVG)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write comparison.json, .txt and .svg there.")
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="METRIC=WITHIN", help="Run until the best is known, such as cost_usd=0.2%."),
    ] = None,
    probability: Annotated[float, typer.Option(metavar="P", help="Of the right selection.")] = 0.95,
    prices: Annotated[
        list[str] | None, typer.Option("--prices", metavar="BOOK=HOW", help="Price the same runs so too: on-demand...")
    ] = None,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare variants of a job under the same seeds: time, cost, network, losses, and what makes them differ."""
    from sim.batch.selecting import asked_best
    from sim.batch.study import compare_study, load_study, study_of_axes
    from sim.report.comparison.comparison import comparison_json
    from sim.report.comparison.comparison_report import comparison_report
    from sim.report.comparison.pareto_picture import pareto_picture
    from sim.report.progress import progress

    best = asked_best(select, probability)
    study = study_of_axes(scenario, over) if over else load_study(scenario)
    outputs = [] if out is None else [out / f"comparison.{ending}" for ending in ("json", "txt", "svg")]
    for path in filter(None, (picture, *outputs)):
        check_output(path, force)
    with progress(sys.stderr) as report:
        result = compare_study(
            study,
            overrides=overrides or [],
            replicas=replicas,
            workers=workers,
            best=best,
            prices=prices or [],
            progress=report,
            allow_plugins=allow_plugins,
        )
    answer = comparison_json(result)
    for path in filter(None, (picture, *outputs[2:])):
        write_text(path, pareto_picture(answer))
    if out is not None:
        write_text(out / "comparison.json", json.dumps(answer, indent=1, allow_nan=False) + "\n")
        write_text(out / "comparison.txt", comparison_report(answer) + "\n")
    show_facts(answer, as_json, lambda: comparison_report(answer))


app.command()(campaign)
app.command()(own_or_rent)
app.command()(afford)
app.command()(batch)
app.command()(results)
app.command()(interval)
app.command()(spares)
app.command()(plan)
app.command()(optimise)
app.command()(price)
app.command()(explain)
app.command()(report)
app.command()(generations)
app.command()(sensitivity)
app.command()(validate)


@app.command()
def topology(
    target: Annotated[str, typer.Argument(metavar="SCENARIO|KIND", help="A scenario, or a kind of topology.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Arguments of the kind.")
    ] = None,
    collective: Annotated[str | None, typer.Option(metavar="NAME", help="Its bus bandwidth: all-reduce...")] = None,
    inside: Annotated[
        bool, typer.Option("--inside", help="The inside of nodes too: affinities, and in --export.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the graph: .graphml .json .dot, ASTRA-sim's .yml .txt.")
    ] = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw the fabric (SVG).")] = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a fabric is made of, its diameter, bisection, bus bandwidth, power and price."""
    from sim.report.network.fabric import fabric_picture, fabric_text, topology_json
    from sim.report.network.topology_report import topology_report

    for path in filter(None, (export, picture)):
        check_output(path, force)
    if picture is not None and picture.suffix != ".svg":
        raise OutputError(f"--picture {picture}: got a name that ends in '{picture.suffix}', expected .svg")
    given = arguments_of(arguments or [])
    facts = topology_json(target, given, collective, allow_plugins, inside)
    texts = {}
    if export is not None:
        texts[export] = fabric_text(target, given, export.suffix, allow_plugins, inside)
    if picture is not None:
        texts[picture] = fabric_picture(target, given, facts, allow_plugins)
    for path, content in texts.items():
        write_text(path, content)
    show_facts(facts, as_json, lambda: topology_report(facts))


@app.command()
def catalog(
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help="accelerator, node, model...")] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="An entry of that kind.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what exists, and each number of an entry with its source."""
    from dataclasses import asdict

    from sim import catalog
    from sim.report.catalog_report import entry_report, kinds_report

    if kind is not None and name is not None:
        rows = catalog.describe(kind, name)
        show_facts([asdict(row) for row in rows], as_json, lambda: entry_report(kind, name, rows))
        return
    known = {each: list(catalog.names(each)) for each in ([kind] if kind else catalog.KINDS)}
    show_facts(known, as_json, lambda: kinds_report(known))


@app.command()
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="The default: a schema has no other form.")] = True,
) -> None:
    """Print the JSON schema of a scenario."""
    from sim.scenario import scenario_schema

    show_facts(scenario_schema(), as_json, lambda: "")


if __name__ == "__main__":
    app()
