"""Records of a cost file: read, checked, and found by id, in the file or in the project's reference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sim.analysis.cost.rows import Entry, Skipped
from sim.analysis.sections import read_sections
from sim.errors import InputError, unknown_name

CATEGORIES = (
    *("price_purchase", "price_rent", "price_rent_timeline", "cluster_capex", "power", "pue", "electricity"),
    *("depreciation", "people", "data", "experiments", "published_run", "epoch_method_result", "uncertainty"),
    *("cost_share", "carbon", "hbm", "tco_model", "growth", "proposed_default"),
)
"""What a record may be about."""

SECTIONS = ("records", *CATEGORIES)
"""Sections of a file: all records in one, or those of a category each."""

PASSED = ("about", "evidence_levels")
"""Sections that hold no records."""

_TEXTS = ("id", "category", "name", "unit", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The records of a file in order, and what of it is not one."""

    records: tuple[Entry, ...]
    passed: tuple[Skipped, ...] = ()

    def find(self, name: str) -> Entry | None:
        """Return the record of an id, of the file or else of the reference; None without one."""
        own = next((entry for entry in self.records if entry["id"] == name), None)
        return own or reference().get(name)

    def of(self, category: str) -> tuple[Entry, ...]:
        """Return the records of a category, those of the reference after the file's own."""
        return tuple(each for each in (*self.records, *reference().values()) if each["category"] == category)


def read_records(path: str | None) -> Records:
    """Return the records of a file, by default of the reference. Raises InputError for what is no file of records."""
    return records_of(read_sections(path, "cost.json", SECTIONS))


def records_of(sections: Mapping[str, Any]) -> Records:
    """Return the records of the sections of a file. Raises InputError for a record that is none, or twice there."""
    found = [entry for name in SECTIONS if name in sections for entry in _section(name, sections[name])]
    ids = [entry["id"] for entry in found]
    twice = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise InputError(f"measurements: records: '{twice[0]}' is there twice")
    unknown = [name for name in sections if name not in (*SECTIONS, *PASSED)]
    return Records(records=tuple(found), passed=tuple(map(_unknown, unknown)))


def _unknown(name: str) -> Skipped:
    reason = str(unknown_name("section", name, SECTIONS))
    return Skipped(id=name, group="", source="", reason=reason)


def _section(name: str, entries: Any) -> Iterator[Entry]:
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise InputError(f"measurements: {name}: got {type(entries).__name__}, expected a list of records")
    for index, entry in enumerate(entries):
        yield _checked(entry, f"measurements: {name}[{index}]", "" if name == "records" else name)


def _checked(entry: Any, where: str, category: str) -> Entry:
    if not isinstance(entry, Mapping):
        raise InputError(f"{where}: got {entry!r}, expected a record")
    whole = {**({"category": category} if category else {}), **entry}
    for key in _TEXTS:
        if not isinstance(whole.get(key), str):
            raise InputError(f"{where}: {key}: got {whole.get(key)!r}, expected a text")
    if whole["category"] not in CATEGORIES:
        raise unknown_name("category", whole["category"], CATEGORIES, f"{where}: {whole['id']}")
    return whole


@cache
def reference() -> Mapping[str, Entry]:
    """Return the project's own records by id, where a file leaves out what a prediction takes."""
    return {entry["id"]: entry for entry in read_sections(None, "cost.json", SECTIONS)["records"]}
