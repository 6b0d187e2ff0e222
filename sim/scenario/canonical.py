"""The canonical form of a scenario, which names a run."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from sim.ledger.bill.terms import STANDARD
from sim.reliability.records import Law, SparePlan
from sim.scenario.records import Scenario

_NOT_RESULTS = ("sources", "provenance", "published", "published_gap")
"""Fields that say where a number comes from or what to compare with: they change nothing that is simulated."""

_SINCE: Mapping[str, object] = {
    "health": None,
    "front_end": None,
    "algorithms": (),
    "nic_ports": 1,
    "outage": None,
    "names": (),
    "stops": True,
    "holds": (),
    "correlated": None,
    "domains": (),
    "table": (),
    "lemons": None,
    "ages": (),
    "silent": None,
    "planned": None,
    "tiers": (),
    "steps": 0,
    "mode": "requeue",
    "diagnose": Law(),
    "blames_right": 1.0,
    "requeue": Law(),
    "initialize_more_us": 0,
    "rejoin": None,
    "success": {},
    "spares": SparePlan(),
    "by_cause": {},
    "unnoticed": 0.0,
    "relapse": Law(),
    "retire": None,
    "reorder": None,
    "logged": None,
    "replay": None,
    "slowing": None,
    "stragglers": None,
    "swing": None,
    "resume_when_idle": None,
    "regrow": "at-once",
    "terms": STANDARD,
    "cooling": None,
    "data_loss": False,
}
"""Fields that have come since runs were first named, with what they are where a scenario says nothing of them."""


def canonical(scenario: Scenario) -> dict[str, Any]:
    """Return the whole resolved scenario as plain JSON values: keys sorted, quantities in SI units.

    Two scenarios with the same canonical form simulate the same run. Sources of numbers are left out.
    """
    plain = _plain(scenario)
    assert isinstance(plain, dict)
    return plain


def canonical_text(scenario: Scenario) -> str:
    """Return the canonical form as JSON text, the same to the byte on every machine."""
    return json.dumps(canonical(scenario), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in _NOT_RESULTS}
        # A scenario that does not use what is new keeps the name that its runs had before.
        pairs = {name: each for name, each in pairs.items() if name not in _SINCE or each != _SINCE[name]}
        return {name: _plain(pairs[name]) for name in sorted(pairs)}
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    assert value is None or isinstance(value, bool | int | float | str), f"no plain form of {value!r}"
    return value
