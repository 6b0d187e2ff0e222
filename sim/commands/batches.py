"""Commands for many runs: a study as a batch, and what a results directory holds."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.commands.options import ForceOption, JsonOption, PluginsOption, SetOption
from sim.errors import InputError, unknown_name
from sim.terminal import complain, show_facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.batch.batch import Settings
    from sim.batch.drive.lanes import Lanes
    from sim.batch.plans.plan import Detail, Plan
    from sim.batch.work.limits import Limits

ENGINES = ("local", "dask")
DETAILS = ("summary", "ledger", "events")
SIGNALLED = 128


def batch(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A study's name or TOML file.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where results go; what is there is not redone.")],
    workers: Annotated[int | None, typer.Option(metavar="N", min=1, help="Processes, by default one a core.")] = None,
    engine: Annotated[str, typer.Option(metavar="local|dask", help="Who runs them.")] = "local",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDR", help="Dask's, instead of a cluster here.")] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Only part I of N, for job arrays.")] = "1/1",
    replicas: Annotated[int | None, typer.Option(metavar="N", min=1, help="Seeds, instead of the study's.")] = None,
    detail: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="summary, ledger or events: what is kept of a run.")
    ] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Most resident memory of a worker, such as 4GB.")
    ] = None,
    time_limit: Annotated[str | None, typer.Option(metavar="TIME", help="Longest that a run may take.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed and quarantined runs again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and what it takes; write nothing.")] = False,
    overrides: SetOption = None,
    force: ForceOption = False,
    allow_plugins: PluginsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a study of many runs: resumable, safe against crashes, sharded."""
    if engine == "local" and not dry_run:
        from sim.batch.processes import WORKER, load_ahead

        load_ahead(WORKER)  # It takes as long as to read and plan the study here.

    from sim.batch.batch import Settings, replace_batch, run_batch
    from sim.batch.drive.signals import StoppedError, caught
    from sim.batch.plans.plan import plan_of
    from sim.batch.study import load_study
    from sim.report.batch.batch_answer import status_json
    from sim.report.batch.batch_progress import batch_progress
    from sim.report.batch.batch_report import status_lines

    found = load_study(study, least=1, where="batch")
    if found.best is not None or found.prices:
        complain(f"{study}: best and prices are for `compare`; a batch stores the runs, and `price` prices them again")
    level = _detail(detail)
    settings = Settings(
        lanes=_lanes(engine, scheduler, workers),
        limits=_limits(time_limit, memory_limit, found.hints),
        shard=_shard(shard),
        retry=retry,
    )
    plan = plan_of(found, overrides=overrides or [], replicas=replicas, detail=level, allow_plugins=allow_plugins)
    if dry_run:
        _dry_run(plan, None if force else out, settings, workers or os.cpu_count() or 1, as_json)
        return
    if force:
        replace_batch(out)
    with batch_progress(sys.stderr, sys.stdout, as_json) as tell, caught() as stop:
        try:
            status = run_batch(plan, out, settings, tell, stop)
        except StoppedError as stopped:
            complain(f"interrupted; what is done stays in {out}, and the same command goes on from there")
            raise typer.Exit(SIGNALLED + int(stopped.args[0])) from None
        answer = status_json(status)
        if as_json:
            tell({"event": "finished", **answer})
    if not as_json:
        typer.echo("\n".join([*status_lines(answer), f"Results: {out}"]))
    if status.failed or status.quarantined:
        raise typer.Exit(1)


def results(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Results of `run` or `batch`.")],
    sql: Annotated[str | None, typer.Option(metavar="QUERY", help="Ask DuckDB; every table is a view.")] = None,
    status: Annotated[bool, typer.Option("--status", help="How far a batch is, also while it runs.")] = False,
    compact: Annotated[bool, typer.Option("--compact", help="Write one file a table beside the chunks.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a results directory holds: how far it is, its tables, and what came out."""
    from sim.batch.store.compact import compact as write_compact
    from sim.batch.store.query import query
    from sim.batch.store.status import status_of
    from sim.report.batch.batch_answer import results_json, status_json
    from sim.report.batch.batch_report import results_report, status_lines, table_text

    if sum([sql is not None, status, compact]) > 1:
        raise InputError("results: got several of --sql, --status and --compact; expected one")
    if sql is not None:
        rows = query(directory, sql)
        show_facts(rows, as_json, lambda: table_text(rows))
    elif status:
        facts = status_json(status_of(directory))
        show_facts(facts, as_json, lambda: "\n".join(status_lines(facts)))
    elif compact:
        written = write_compact(directory)
        shown = [{"table": name, "rows": count} for name, count in written.items()]
        show_facts(written, as_json, lambda: table_text(shown) + f"\nWritten: {directory / 'compact'}")
    else:
        answer = results_json(directory)
        show_facts(answer, as_json, lambda: results_report(answer))


def _dry_run(plan: "Plan", out: Path | None, settings: "Settings", workers: int, as_json: bool) -> None:
    """Show what is planned and what it would take, by two runs of the first variant; write nothing."""
    from sim.batch.batch import estimated, pending, planned
    from sim.batch.work.pilot import pilot
    from sim.batch.work.task import task_of
    from sim.report.batch.batch_report import estimate_line, plan_lines

    left = pending(plan, out, settings.shard)
    told: dict[str, Any] = planned(plan, left)
    if left:
        found = pilot(task_of(plan, "", left[0], "", settings.limits))
        told["estimate"] = estimated(plan, left, found, workers)
    lines = [*plan_lines(told), *([estimate_line(told["estimate"])] if left else [])]
    show_facts({key: value for key, value in told.items() if key != "event"}, as_json, lambda: "\n".join(lines))


def _lanes(engine: str, scheduler: str | None, asked: int | None) -> "Callable[[int], Lanes]":
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES, "--engine")
    if scheduler is not None and asked is not None:
        raise InputError(f"--workers {asked}: are those of the cluster at {scheduler}; expected one of both options")
    workers = asked or os.cpu_count() or 1
    if engine == "dask":
        from sim.batch.drive.dask_lanes import DaskLanes

        return lambda tasks: DaskLanes(scheduler, min(workers, tasks))
    if scheduler is not None:
        raise InputError(f"--scheduler {scheduler}: is Dask's; expected --engine dask beside it")
    from sim.batch.drive.lanes import LocalLanes

    return lambda tasks: LocalLanes(min(workers, tasks))


def _detail(detail: str | None) -> "Detail | None":
    if detail is not None and detail not in DETAILS:
        raise unknown_name("detail", detail, DETAILS, "--detail")
    return detail  # type: ignore[return-value]


def _shard(text: str) -> tuple[int, int]:
    first, slash, last = text.partition("/")
    if not (slash and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise InputError(f"--shard {text}: expected I/N, with I from 1 to N, such as 1/4")
    return int(first), int(last)


def _limits(time_limit: str | None, memory_limit: str | None, hints: Any) -> "Limits":
    """Return the limits of a run: those asked for, or else the study's."""
    from sim.batch.work.limits import Limits
    from sim.quantities import parse

    time_s = hints.time_limit if time_limit is None else parse(time_limit, "time", "--time-limit")
    memory_bytes = hints.memory_limit if memory_limit is None else parse(memory_limit, "size", "--memory-limit")
    return Limits(time_s=time_s, memory_bytes=memory_bytes)
