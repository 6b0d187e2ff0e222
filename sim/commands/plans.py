"""The command that answers inverse questions: what fits, when it is done, what it costs, which layout is fastest."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sim.commands.options import JsonOption, SetOption
from sim.terminal import located, show_facts

if TYPE_CHECKING:
    from sim.analysis.plan.records import Question

BASE = "llama3-405b"


def plan(
    scenario: Annotated[str, typer.Argument(metavar="[SCENARIO]", help="What a plan takes all else from.")] = BASE,
    budget: Annotated[str | None, typer.Option(metavar="USD", help="Most that it may cost, such as 1.03e9.")] = None,
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help='Done within, such as "90 d".')] = None,
    loss: Annotated[float | None, typer.Option(metavar="L", help="Loss to reach, by the law.")] = None,
    power_cap: Annotated[str | None, typer.Option(metavar="POWER", help='At the meter, such as "30 MW".')] = None,
    gpus: Annotated[int | None, typer.Option(metavar="N", min=1, help="GPUs of the job.")] = None,
    model: Annotated[str | None, typer.Option(metavar="PRESET", help="Which model, else the law's best.")] = None,
    tokens: Annotated[float | None, typer.Option(metavar="T", help="Tokens, else the law's best.")] = None,
    node: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A kind of node to compare; else the book's last two.")
    ] = None,
    prices: Annotated[str, typer.Option(metavar="BOOK", help="Price book.")] = "2026-rented",
    law: Annotated[str, typer.Option(metavar="NAME", help="Scaling law.")] = "chinchilla-2024",
    efficiency: Annotated[float, typer.Option(metavar="X", help="What a FLOP achieves over the law's.")] = 1.0,
    unique_tokens: Annotated[float | None, typer.Option(metavar="T", help="More are repetitions.")] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Runs of the plan.")] = 3,
    layouts: Annotated[bool, typer.Option("--layouts", help="Rank the layouts of SCENARIO and nothing else.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Other ways to the same loss, and their price.")] = False,
    best: Annotated[int, typer.Option(metavar="K", min=1, help="Layouts to rank.")] = 10,
    seconds: Annotated[float, typer.Option(metavar="S", help="A search of layouts ends after.")] = 60.0,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what fits a budget, a deadline, a loss, a power or some GPUs: model, tokens, layout, date and cost."""
    if layouts:
        _rank(scenario, overrides or [], gpus, model, best, seconds, as_json)
        return
    from sim.analysis.plan.answer import comparison_answer, plan_answer
    from sim.analysis.plan.equal_loss import compare_equal_loss
    from sim.analysis.plan.question import question_of
    from sim.analysis.plan.solve import solve
    from sim.report.plan.equal_loss_screen import equal_loss_report
    from sim.report.plan.screen import plan_report
    from sim.report.progress import progress

    question: Question = question_of(
        base=scenario,
        overrides=overrides or [],
        budget=budget,
        deadline=deadline,
        loss=loss,
        power_cap=power_cap,
        gpus=gpus,
        model=model,
        tokens=tokens,
        nodes=node or (),
        prices=prices,
        law=law,
        efficiency=efficiency,
        unique_tokens=unique_tokens,
        seeds=seeds,
    )
    if compare:
        with progress(sys.stderr) as report:
            rows = comparison_answer(compare_equal_loss(question, report))
        show_facts(rows, as_json, lambda: equal_loss_report(rows))
        return
    with progress(sys.stderr) as report:
        answer = plan_answer(solve(question, report))
    show_facts(answer, as_json, lambda: plan_report(answer))


def _rank(
    scenario: str, overrides: list[str], gpus: int | None, model: str | None, best: int, seconds: float, as_json: bool
) -> None:
    from sim.analysis.plan.answer import layouts_answer
    from sim.analysis.plan.ranking import ranked_layouts
    from sim.report.plan.layouts_screen import layouts_report
    from sim.report.progress import progress

    with progress(sys.stderr) as report, located(scenario):
        ranking, job = ranked_layouts(scenario, overrides, gpus, model, best, seconds, report)
    answer = layouts_answer(ranking, scenario, job.scenario.machines.gpus)
    show_facts(answer, as_json, lambda: layouts_report(answer))
