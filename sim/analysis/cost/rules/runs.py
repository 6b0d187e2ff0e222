"""Published runs: GPU-hours by simulation, tonnes as model cards count them, energy by our powers, dollars an hour."""

import re
from collections.abc import Iterator, Mapping
from functools import cache

from sim.analysis.cost.machines import node_of
from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Found, number, predicted, skipped
from sim.analysis.cost.rules.consumed import energy_rows, site_energy_row
from sim.analysis.cost.rules.reasons import reason_of
from sim.analysis.cost.rules.told import hardware_text, hours_of, measured_as, tdp_told
from sim.ledger.methods.cards import card_carbon_view, rate_view
from sim.ledger.methods.tables import organization_of, pue_of
from sim.scenario import load_scenario
from sim.simulate import RunResult, simulate

PRESETS: Mapping[str, str] = {"llama 3.1 405b": "llama3-405b", "deepseek-v3": "deepseek-v3"}
"""Scenarios that ship, by what a published run is called."""

GRID = "ci_USA"
"""Where a card does not state its grid: the mean of the United States."""

_FLEETS: Mapping[str, str] = {"meta": "pue_Meta_fleet", "google": "pue_Google_fleet_(about)", "amazon": "pue_AWS_2023"}
"""Records of PUE that fleets publish."""


@cache
def simulated(preset: str) -> RunResult:
    """Return one run of a preset."""
    return simulate(load_scenario(preset))


def run_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield what is predicted of a published run, by the unit of what is published."""
    unit = entry["unit"]
    if unit == "GPU-hours":
        yield _hours_row(entry)
    elif unit.startswith("tCO2e"):
        yield from _card_rows(entry, records)
    elif unit == "kWh":
        yield from energy_rows(entry, records)
    elif unit == "USD":
        yield from _usd_rows(entry, records)
    else:
        yield skipped(entry, reason_of(entry))


def _hours_row(entry: Entry) -> Found:
    """Return a row of GPU-hours, where a scenario of the run ships."""
    told = entry["name"].lower()
    preset = next((name for text, name in PRESETS.items() if told.startswith(text)), None)
    if preset is None:
        return skipped(entry, reason_of(entry))
    result = simulated(preset)
    before = re.search(r"pre-train ([\d.]+e\d+)", entry["source"])
    hours = result.summary.job_gpu_hours
    note = "its own scenario, seed 1; the published part is " + ("pre-training" if before else "pre- and post-training")
    row = predicted(entry, hours, {"scenario": preset, "seed": 1}, note=note)
    return measured_as(row, float(before[1])) if before else row


def _card_rows(entry: Entry, records: Records) -> Iterator[Found]:
    known = hours_of(entry, records)
    if known is None:
        yield skipped(entry, reason_of(entry, f"{entry['unit']} without GPU-hours"))
        return
    hours, told = known
    tdp_w = tdp_told(told, records)
    grid = records.find(GRID)
    if tdp_w is None or grid is None:
        yield skipped(entry, "tonnes without an accelerator whose TDP is known")
        return
    pue, whose = _pue(entry["name"], records)
    view = card_carbon_view(hours, tdp_w, number(grid) / 1000, pue)
    terms = {name: kg / 1000 for name, kg in view.terms.items()}
    note = f"the card does not state its grid: the mean of the United States; PUE of {whose}"
    yield predicted(entry, view.total / 1000, view.inputs, terms=terms, note=note)


def _pue(name: str, records: Records) -> tuple[float, str]:
    """Return the PUE of an organisation's fleet as it publishes it, Epoch's for others."""
    organization = organization_of(name)
    for word, fleet in _FLEETS.items():
        entry = records.find(fleet)
        if word in organization.lower() and entry is not None:
            return number(entry), entry["name"]
    return pue_of(organization), "a hyperscaler" if organization and pue_of(organization) < 1.2 else "another site"


def _usd_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield dollars as GPU-hours x what a rent was taken to be; and energy, where the source tells it."""
    known = hours_of(entry, records)
    rate = records.find("deepseek_rate")
    if known is None or rate is None:
        yield skipped(entry, reason_of(entry, f"{entry['unit']} without GPU-hours"))
        return
    hours, told = known
    view = rate_view({"job": hours}, number(rate))
    stated = re.search(r"\b(?:at )?2 USD/h|\*2\b", f"{entry['name']} {entry['source']}")
    note = "" if stated else "no price of an hour is stated: at $2, as DeepSeek-V3's"
    section = "arithmetic" if stated else "published"
    yield predicted(entry, view.total, view.inputs, section=section, scored=bool(stated), note=note)
    energy = re.search(r"([\d.]+) GWh", entry["source"])
    node = node_of(hardware_text(told))
    if energy and node:
        yield site_energy_row(entry, hours, float(energy[1]) * 1e6, node)


def implied_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield the intensity that a card implies: its tonnes over its GPU-hours at TDP, of all cards of its family."""
    family = entry["name"].rpartition(": ")[2].lower()
    pairs = []
    for card in records.records:
        if card["unit"].startswith("tCO2e") and card["name"].lower().startswith(f"{family} "):
            known = hours_of(card, records)
            tdp_w = tdp_told(known[1], records) if known else None
            if known and tdp_w:
                pairs.append((number(card) * 1000, known[0] * tdp_w / 1000))
    if not pairs:
        yield skipped(entry, "no card of that family is in the file")
        return
    ratios = [kg / kwh for kg, kwh in pairs]
    given = {"cards": len(pairs), "least": min(ratios), "most": max(ratios)}
    note = "the same division: it tests arithmetic, no model"
    yield predicted(
        entry, sum(kg for kg, _ in pairs) / sum(kwh for _, kwh in pairs), given, section="arithmetic", note=note
    )
