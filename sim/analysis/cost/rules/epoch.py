"""Epoch's results by its own methods: from chip, chip-hours, chips and day of publication, by its tables."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Found, predicted, skipped
from sim.analysis.cost.rules.reasons import reason_of
from sim.errors import InputError
from sim.ledger.methods.cards import rate_view
from sim.ledger.methods.epoch import development
from sim.ledger.methods.lookup import Run, epoch_views, start_of
from sim.ledger.methods.records import Missing, View
from sim.ledger.methods.tables import constant, organization_of

_NOTE = re.compile(r"(\w+)=(.*?)(?=\s+\w+=|$)")

MODELS = ("GPT-3", "OPT-175B", "GPT-4", "Gemini 1.0 Ultra")
"""Models whose staff Epoch estimated, and so their development (arXiv 2405.21015, section 3.3)."""


def facts_of(entry: Entry) -> Mapping[str, str]:
    """Return what a record's note tells of a run, by name.

    >>> facts_of({"note": "chips=1024.0 chip_hours=8.1e+05 hw=NVIDIA A100 SXM4 80 GB flop=4.3e+23"})["hw"]
    'NVIDIA A100 SXM4 80 GB'
    """
    return dict(_NOTE.findall(str(entry.get("note") or "")))


def run_of(entry: Entry) -> Run | None:
    """Return the run of a record, None where its note does not tell of one. Raises InputError for what is no number."""
    told = facts_of(entry)
    if "None" in (told.get("chip_hours", "None"), told.get("hw", "None")) or not entry.get("as_of"):
        return None
    try:
        return Run(
            model=entry["name"],
            hardware=told["hw"],
            chip_hours=float(told["chip_hours"]),
            chips=None if told.get("chips", "None") == "None" else float(told["chips"]),
            published=_day(str(entry["as_of"])),
            organization=told.get("organization", ""),
        )
    except ValueError as error:
        raise InputError(f"measurements: {entry['id']}: cannot be read: {error}") from None


def _day(text: str) -> date:
    """Return a day; of a month its 15th, of a year the 1st of July.

    >>> [_day(text).isoformat() for text in ("2024-07-23", "2024-07", "2024")]
    ['2024-07-23', '2024-07-15', '2024-07-01']
    """
    return date.fromisoformat({7: f"{text}-15", 4: f"{text}-07-01"}.get(len(text), text))


def method_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield a result of Epoch's: amortised, and where the note has them cloud and acquisition; or a development."""
    run = run_of(entry)
    if run is not None:
        yield from _run_rows(entry, run)
    elif "development" in entry["name"]:
        yield _development_row(entry, records)
    else:
        yield skipped(entry, reason_of(entry))


def _run_rows(entry: Entry, run: Run) -> Iterator[Found]:
    told = facts_of(entry)
    stated = {"capex+energy": "", "cloud": told.get("cloud"), "acquisition": told.get("acquisition")}
    for name, view in epoch_views(run).items():
        known = stated[name]
        if known is None or known == "None":
            continue
        if isinstance(view, Missing):
            yield skipped(entry, f"{name}: {view.reason}")
            continue
        terms = dict(view.terms)
        row = predicted(entry, view.total, _given(run), name, section="methods", terms=terms, note=_ROUNDED)
        yield replace(row, measured=float(known), unit="USD2023") if known else row


def _given(run: Run) -> dict[str, object]:
    """Return what the methods took of a run."""
    return {
        "chip_hours": run.chip_hours,
        "chips": run.chips,
        "hardware": run.hardware,
        "organization": run.organization or organization_of(run.model) or "not known: taken as no hyperscaler",
        "published": run.published.isoformat(),
        "training_start": start_of(run).date().isoformat(),
    }


_ROUNDED = "the file rounds chip-hours to four digits; to the hour, results agree to the dollar"


def development_view(model: str, records: Records) -> View | None:
    """Return Epoch's development of a model: its staff, and 2.2 x amortised capex + energy; None without either."""
    staff = records.find(f"epoch_staff_{model}")
    entry = next((each for each in _results(records) if each["name"].startswith(model)), None)
    run = entry and run_of(entry)
    if staff is None or not run:
        return None
    view = epoch_views(run)["capex+energy"]
    return None if isinstance(view, Missing) else development(float(staff["value"]), view, constant("experiments"))


def reference_view(model: str, method: str) -> View:
    """Return what one of the methods says of a model of the reference."""
    run = run_of(next(entry for entry in _results(Records(records=())) if entry["name"].startswith(model)))
    assert run is not None, "the reference tells of the run"
    view = epoch_views(run)[method]
    assert isinstance(view, View), "the tables have its chip"
    return view


def _results(records: Records) -> Iterator[Entry]:
    return (entry for entry in records.of("epoch_method_result") if "note" in entry)


def _development_row(entry: Entry, records: Records) -> Found:
    model = next((name for name in MODELS if entry["name"].startswith(name)), None)
    view = development_view(model, records) if model else None
    if view is None:
        return skipped(entry, "no estimate of its staff, or of its final run, is stored")
    note = "the median of all compute over the final run's; the source samples it, 1.2 to 4 in 90 %"
    return predicted(entry, view.total, view.inputs, section="methods", terms=dict(view.terms), note=note)


def share_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield a share of development cost: the least and the most of the four models; its middle is compared."""
    name = entry["name"].removeprefix("epoch_dev: ")
    terms = {"chips": ("chips",), "servers": ("rest of servers",)}.get(name, (name,))
    views = {model: development_view(model, records) for model in MODELS}
    shares = {
        model: sum(view.terms[term] for term in terms) / (view.total - view.terms["inflation"])
        for model, view in views.items()
        if view is not None and set(terms) <= set(view.terms)
    }
    if not shares:
        yield skipped(entry, f"'{name}' is no term of a development")
        return
    note = f"over {len(shares)} models from {min(shares.values()):.3f} to {max(shares.values()):.3f}; their middle"
    yield predicted(entry, (min(shares.values()) + max(shares.values())) / 2, shares, section="methods", note=note)


def method_table(records: Records) -> list[dict[str, object]]:
    """Return every run that Epoch's results tell of, under each method and at $2 a chip-hour; None: not applicable."""
    table: list[dict[str, object]] = []
    for entry in records.records:
        run = run_of(entry) if entry["category"] == "epoch_method_result" else None
        if run is not None:
            views = {name: None if isinstance(view, Missing) else view.total for name, view in epoch_views(run).items()}
            rate = rate_view({"job": run.chip_hours}).total
            table.append({"model": run.model, "chip_hours": run.chip_hours, **views, "usd_2_per_hour": rate})
    return table
