"""The form that a user fills in, and the frozen scenario behind it.

What reads the form is loaded when it is first asked for: whoever is handed a scenario has no need of it.
"""

from typing import TYPE_CHECKING, Any

from sim.scenario.canonical import canonical, canonical_text
from sim.scenario.records import (
    Billing,
    Checkpoint,
    Failures,
    Limits,
    Machines,
    NetworkChoice,
    Phase,
    Scenario,
    Topology,
    Training,
)

if TYPE_CHECKING:
    from sim.scenario.load import load_scenario, scenario_of
    from sim.scenario.schema import scenario_schema
    from sim.scenario.source import preset_names, scenario_names

__all__ = [
    "Billing",
    "Checkpoint",
    "Failures",
    "Limits",
    "Machines",
    "NetworkChoice",
    "Phase",
    "Scenario",
    "Topology",
    "Training",
    "canonical",
    "canonical_text",
    "load_scenario",
    "preset_names",
    "scenario_names",
    "scenario_of",
    "scenario_schema",
]

_LOADED_LATER = {
    "load_scenario": "load",
    "scenario_of": "load",
    "scenario_schema": "schema",
    "preset_names": "source",
    "scenario_names": "source",
}
"""The module of each name that is loaded when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"{__name__}.{_LOADED_LATER[name]}"), name)
    return found
