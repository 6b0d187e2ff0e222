"""A topology in a scenario: its kind, and whatever arguments its function takes."""

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from sim.errors import ScenarioError, unknown_name
from sim.plugins import check_arguments
from sim.scenario.records import Topology

_OPEN = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)

_FROM_NODES: Mapping[str, object] = {"endpoints": 0, "nics_per_node": 0, "bandwidth_bytes_per_s": 0.0}
"""Arguments of a topology that follow from the nodes."""


class TopologyForm(BaseModel):
    """A topology's kind; every other key is an argument of its function."""

    model_config = _OPEN
    kind: str


def topology_of(form: TopologyForm, where: str = "cluster.topology") -> Topology:
    """Return a topology whose kind exists and takes its arguments; a plugin's are checked when it is loaded.

    where: the key that errors name.

    >>> topology_of(TopologyForm(kind="fat-tree", k=8)).arguments
    {'k': 8}
    """
    from topologies import FAMILIES

    arguments = {name: _argument(f"{where}.{name}", value) for name, value in (form.model_extra or {}).items()}
    if form.kind not in FAMILIES and ":" not in form.kind:
        raise unknown_name("topology kind", form.kind, FAMILIES, f"{where}.kind")
    if form.kind in FAMILIES:
        check_arguments(FAMILIES[form.kind], arguments, where, own=_FROM_NODES)
    return Topology(kind=form.kind, arguments=arguments)


def _argument(where: str, value: object) -> object:
    """Return an argument of a topology as a plain value: numbers, text, lists and tables of them."""
    if isinstance(value, list):
        return tuple(_argument(where, item) for item in value)
    if isinstance(value, Mapping):
        return {key: _argument(f"{where}.{key}", item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ScenarioError(f"{where}: got {value}, expected a finite number")
    if not isinstance(value, bool | int | float | str):
        raise ScenarioError(f"{where}: got {value}, expected a number, text, a list or a table")
    return value
