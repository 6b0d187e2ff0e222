"""The JSON schema of a scenario file."""

from typing import Any

from sim.scenario.form import ScenarioForm


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file; one that `extends` another takes from it what is required.

    >>> scenario_schema()["required"], scenario_schema()["anyOf"][0]
    (['name'], {'required': ['extends']})
    """
    schema = ScenarioForm.model_json_schema()
    extends = {"type": "string", "description": "a preset's name, or a file beside this one"}
    parts = schema["$defs"]
    # What is read before the form: a bare kind, a list of modules, names joined by "-".
    recompute, order = parts["RecomputeForm"], parts["ParallelismForm"]["properties"]["order"]
    parts["RecomputeForm"] = {"anyOf": [*(recompute["properties"][name] for name in ("kind", "modules")), recompute]}
    parts["LogForm"] = {"anyOf": [parts["LogForm"]["properties"]["file"], parts["LogForm"]]}
    order["anyOf"] = [*order["anyOf"], {"type": "string"}]
    # What a table leaves out may stand in the one that it is laid over.
    whole = {"required": ["cluster"], "properties": {"cluster": {"required": parts["ClusterForm"]["required"]}}}
    tables = ("ClusterForm", "FrontEndForm", "RecoveryForm", "RepairForm", "CheckpointForm", "CostForm", "TrainingForm")
    for name in tables:
        parts.get(name, {}).pop("required", None)
    return {
        **schema,
        "properties": {"extends": extends, **schema["properties"]},
        "required": [name for name in schema["required"] if name != "cluster"],
        "anyOf": [{"required": ["extends"]}, whole],
    }
