"""The page of a run, in the order of a reader's questions: what, how much, where, when, why, how sure."""

import json
from collections.abc import Iterator, Mapping
from html import escape

from sim.quantities import show, show_count
from sim.report.money.bill import COLUMNS, bill_rows, exact_usd
from sim.report.money.explain_report import CASH, RUNGS
from sim.report.money.lots import lots_said
from sim.report.page.html import Cell, cards, page, paragraph, table
from sim.report.page.read import Told
from sim.report.page.timeline import timeline_svg
from sim.report.run.figures import waterfall_svg
from sim.report.run.headline import evictions_aside, figure_text, published_rows, tonnes
from sim.report.run.orders import orders_said
from sim.report.text import Result, percent, short, short_usd, signed


def run_page(told: Told) -> str:
    """Return a self-contained page of a stored run; sections that a run has nothing for are absent."""
    answer = told.answer
    return page(
        f"{answer['name']}, seed {answer['seed']}",
        [
            f"<h1>{escape(_title(answer))}</h1>",
            cards(_headline(answer)),
            *_sentence(told),
            *_where(answer),
            *_when(told),
            *_bill(told),
            *_phases(answer),
            *_failures(told),
            *_evidence(told),
            *_cash(told),
            *_published(answer),
            *_provenance(told),
        ],
    )


def _title(answer: Result) -> str:
    what = answer["model"] or "given step time"
    spare = answer["gpus"] - answer["job_gpus"]
    held = f" and {show_count(spare)} spare" if spare else ""
    return f"{answer['name']}: {what} on {show_count(answer['job_gpus'])} {answer['accelerator']}{held}"


def _headline(answer: Result) -> Iterator[tuple[str, str, str]]:
    if answer["cost_usd"] is not None:
        yield short_usd(answer["cost_usd"]), "cost", f"{answer['acquisition']}, {answer['prices']}"
    done = "complete" if answer["complete"] else "ended at the horizon"
    yield show(answer["wall_time_s"], "time"), "wall time", done
    if answer["tokens"]:
        yield short(answer["tokens"]), "tokens retained", f"{show_count(answer['steps'])} steps"
    if answer["step_mfu"] is not None:
        yield percent(answer["effective_mfu"]), "effective MFU", f"{percent(answer['step_mfu'])} in a step"
    yield percent(answer["ettr"]), "ETTR", f"goodput {percent(answer['goodput'])}"
    stops, failures = (sum(answer[key].values()) for key in ("interruptions", "failures"))
    yield show_count(failures), "failures", f"{show_count(stops)} stopped the job"
    if answer["energy_kwh"] is not None:
        carbon = "" if answer["co2e_kg"] is None else f"{tonnes(answer['co2e_kg'])} CO2e"
        yield show(answer["energy_kwh"] * 3.6e6, "energy"), "energy", carbon


def _sentence(told: Told) -> Iterator[str]:
    """Say in a line what a bill is made of: nothing above is an input."""
    found = told.explained
    if found is None:
        return
    whole = found["total_micro_usd"]
    failed, assumed = found["failures"]["lost_micro_usd"], found["evidence"]["by_kind"]["assumed"]
    over = found["headline"]["all_in_over_compute"]
    said = f"All-in {over:.2f} times the compute alone. " if over else ""
    if whole:
        said += f"Failures took {percent(failed / whole)}. {percent(assumed / whole)} rests on an assumed price."
    yield paragraph(said)


def _where(answer: Result) -> Iterator[str]:
    yield "<h2>Where the GPU-hours went</h2>"
    yield f'<div class="paper">{waterfall_svg(answer)}</div>'


def _when(told: Told) -> Iterator[str]:
    yield "<h2>When GPU-time was lost</h2>"
    yield f'<div class="paper">{timeline_svg(told.spans, told.scenario.get("start"))}</div>'
    yield paragraph("Losses inside a step (bubbles, communication) are the same in every step, and not drawn.", "soft")


def _bill(told: Told) -> Iterator[str]:
    """Write the bill item by what the GPUs did, and the way from headline compute to all-in."""
    answer, found = told.answer, told.explained
    if found is None:
        return
    rows = bill_rows(answer["micro_usd"])
    total = {column: sum(row[column] for row in rows.values()) for column in COLUMNS}
    head: list[Cell] = [("Item", ""), *((column, "n") for column in COLUMNS), ("total", "n"), ("share", "n")]
    whole = sum(total.values())
    body = [
        [name, *(_usd(amount) for amount in row.values()), _usd(sum(row.values())), _share(sum(row.values()), whole)]
        for name, row in [*sorted(rows.items(), key=lambda each: -sum(each[1].values())), ("total", total)]
    ]
    yield "<h2>What it cost: item by what the GPUs did</h2>"
    yield table(head, body)
    yield paragraph(f"Exactly {exact_usd(whole)}, by item as by state.", "soft")
    yield from (paragraph(f"{said}.", "soft") for said in lots_said(answer))
    yield "<h2>From headline compute to all-in</h2>"
    rungs = [(RUNGS[name], usd) for name, usd in found["headline"]["rungs"].items() if usd or name == "computing"]
    yield table(
        [("", ""), ("USD", "n"), ("share", "n")], [[name, _usd(usd), _share(usd, whole)] for name, usd in rungs]
    )


def _phases(answer: Result) -> Iterator[str]:
    if len(answer["phases"]) < 2:
        return
    head: list[Cell] = [("Phase", ""), ("steps", "n"), ("lost", "n"), ("step time", "n"), ("step MFU", "n")]
    head += [("goodput", "n"), ("GPU-hours", "n")]
    body = [
        [
            *(phase["name"], show_count(phase["steps"]), show_count(phase["lost_steps"])),
            *(show(phase["step_time_s"], "time"), percent(phase["step_mfu"]), percent(phase["goodput"])),
            short(phase["job_gpu_hours"]),
        ]
        for phase in answer["phases"]
    ]
    yield "<h2>Phases</h2>"
    yield table(head, body)


def _failures(told: Told) -> Iterator[str]:
    answer, found = told.answer, told.explained
    if not answer["failures"]:
        return
    yield "<h2>Failures</h2>"
    expected = answer["interruptions_expected"]
    if expected is not None:
        stops, aside = sum(answer["interruptions"].values()), evictions_aside(answer)
        yield paragraph(f"{show_count(stops)} stopped the job; {expected:.0f} were expected while it was up{aside}.")
    yield from (paragraph(f"{said}.") for said in orders_said(answer))
    if found is None:
        counts = sorted(answer["failures"].items(), key=lambda each: -each[1])
        stopped = answer["interruptions"]
        body = [[cause, show_count(n), show_count(stopped.get(cause, 0))] for cause, n in counts]
        yield table([("Cause", ""), ("failures", "n"), ("stops", "n")], body)
        return
    head: list[Cell] = [("Cause", ""), ("failures", "n"), ("stops", "n"), ("GPU-hours", "n")]
    head += [(part, "n") for part in found["failures"]["causes"][0]["micro_usd"]] + [("total", "n")]
    yield table(head, [_cause(each) for each in found["failures"]["causes"]])
    mean = found["failures"]["mean_event_micro_usd"]
    if mean is not None:
        yield paragraph(
            f"The mean event took {_usd(mean)}; “a single failure can waste millions”: "
            f"{found['failures']['one_failure_wastes_millions']}.",
            "soft",
        )


def _cause(each: Result) -> list[str]:
    return [
        *(each["cause"], show_count(each["failures"]), show_count(each["interruptions"])),
        short(sum(each["gpu_hours"].values())),
        *(_usd(amount) for amount in each["micro_usd"].values()),
        _usd(each["total_micro_usd"]),
    ]


def _evidence(told: Told) -> Iterator[str]:
    found = told.explained
    if found is None:
        return
    whole = found["evidence"]["whole_micro_usd"]
    yield "<h2>What the bill rests on</h2>"
    kinds = [[kind, _usd(usd), _share(usd, whole)] for kind, usd in found["evidence"]["by_kind"].items() if usd]
    yield table([("Weakest price of a line", ""), ("USD", "n"), ("share", "n")], kinds)
    weak = [each for each in found["evidence"]["resting"] if each["kind"] == "assumed"][:8]
    if weak:
        named = ", ".join(f"{each['key']} {_usd(each['micro_usd'])}" for each in weak)
        yield paragraph(f"Assumed, the largest: {named}.", "soft")
    if found["unpriced"]:
        yield paragraph(f"Not in the price book, so not on the bill: {', '.join(found['unpriced'])}.", "soft")


def _cash(told: Told) -> Iterator[str]:
    found = told.explained
    if found is None:
        return
    cash = found["cash"]
    months: Mapping[str, Mapping[str, int]] = cash["months"]
    used = {name: items for name, items in CASH.items() if any(_paid(row, items) for row in months.values())}
    yield "<h2>What is paid when</h2>"
    yield table(
        [("Month", ""), *((name, "n") for name in used), ("total", "n")],
        [
            [month, *(_usd(_paid(row, items)) for items in used.values()), _usd(sum(row.values()))]
            for month, row in months.items()
        ],
    )
    yield paragraph(
        f"Cash {_usd(cash['cash_micro_usd'])} less the book value still owned, {_usd(cash['book_value_micro_usd'])}, "
        f"with the cost of capital, {_usd(cash['capital_micro_usd'])}, is the bill with what a pool pays: "
        f"{_usd(cash['accrual_micro_usd'])}.",
        "soft",
    )


def _paid(row: Mapping[str, int], items: tuple[str, ...]) -> int:
    return sum(row.get(item, 0) for item in items)


def _published(answer: Result) -> Iterator[str]:
    rows = published_rows(answer)
    if not rows:
        return
    yield "<h2>Beside what is published</h2>"
    yield table(
        [("", ""), ("published", "n"), ("simulated", "n"), ("error", "n"), ("source", "")],
        [
            [
                row["name"],
                figure_text(row["measured"], row["unit"]),
                "-" if row["simulated"] is None else figure_text(row["simulated"], row["unit"]),
                "-" if row["error"] is None else signed(row["error"]),
                row["source"],
            ]
            for row in rows
        ],
    )
    if answer["published_gap"]:
        items = "".join(f"<li>{escape(line)}</li>" for line in answer["published_gap"])
        yield f"<p>The published figures also hold:</p><ul>{items}</ul>"


def _provenance(told: Told) -> Iterator[str]:
    about = {name: value for name, value in told.about.items() if name != "scenario"}
    yield "<h2>What determines this run</h2>"
    yield paragraph(", ".join(f"{name} {value}" for name, value in about.items()), "soft")
    text = escape(json.dumps(told.scenario, indent=1))
    yield f"<details><summary>The whole resolved scenario</summary><pre>{text}</pre></details>"


def _usd(micro_usd: int) -> str:
    return short_usd(micro_usd / 1e6) if micro_usd else "-"


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else None)
