"""The form that a user fills in, and the frozen scenario behind it."""

from sim.scenario.canonical import canonical, canonical_text
from sim.scenario.load import load_scenario, scenario_of
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
