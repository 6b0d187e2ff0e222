"""What records of published runs tell in their names and sources: GPU-hours, accelerators, powers."""

import re
from dataclasses import replace

from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Predicted, number
from sim.ledger.methods.tables import Chip, chip_of, hardware_of


def hours_of(entry: Entry, records: Records) -> tuple[float, Entry] | None:
    """Return a run's GPU-hours and the record that tells its accelerator: its own sibling, or its own source's text."""
    sibling = records.find(f"gpuh_{entry['id'].partition('_')[2]}")
    if sibling is not None:
        return number(sibling), sibling
    if found := re.search(r"([\d,.]+(?:e\d+)?) ?(?:GPUh|(?:A100|V100|H100|H800)h)", entry["source"]):
        return float(found[1].replace(",", "")), entry
    if found := re.search(r"([\d.]+) d, ([\d,]+) [A-Z]\d+", entry["source"]):
        return 24 * float(found[1]) * float(found[2].replace(",", "")), entry
    return None


def hardware_text(entry: Entry) -> str:
    """Return the texts of a record that may name an accelerator, with what its model is known to have run on."""
    return f"{entry['name']} {entry['source']} {hardware_of(entry['name'])}"


def chip_told(entry: Entry) -> Chip | None:
    """Return the chip that a record tells of, None where Epoch's tables know none."""
    return chip_of(hardware_text(entry))


def tdp_told(entry: Entry, records: Records) -> float | None:
    """Return the TDP in W that a record states, or that of its accelerator: by the file's powers, or Epoch's tables."""
    if stated := re.search(r"(\d+) ?W\b", entry["name"]):
        return float(stated[1])
    for each in records.of("power"):
        name, _, what = each["name"].rpartition(" ")
        if (
            what == "TDP"
            and each["unit"] == "kW"
            and re.search(rf"\b{re.escape(name)}\b", entry["name"], re.IGNORECASE)
        ):
            return 1000 * number(each)
    chip = chip_told(entry)
    return chip.tdp_w if chip else None


def measured_as(row: Predicted, measured: float) -> Predicted:
    """Return a row beside another published amount than its record's own."""
    return replace(row, measured=measured, low=None, high=None)
