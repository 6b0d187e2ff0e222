"""The JSON schema of a scenario file."""

from typing import Any

from sim.scenario.form import ScenarioForm


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file; `extends` names a preset or a file to lay it over.

    >>> sorted(scenario_schema()["required"])
    ['cluster', 'name']
    """
    schema = ScenarioForm.model_json_schema()
    extends = {"type": "string", "description": "a preset's name, or a file beside this one"}
    return {**schema, "properties": {"extends": extends, **schema["properties"]}}
