"""Small elastic jobs of a model: eight nodes whose stages lie four nodes apart, two replicas a node."""

from typing import Any

from sim.scenario import scenario_of
from sim.simulate import Prepared, prepare
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed

EVEN = {"distribution": "none"}
FAILING = {"component": "node", "name": "node", "kind": "exponential", "mean": "5 d"}
RECOVERY = {"mode": "elastic", "detect": "2 min", "replace": "1 min", "initialize": "1 min"}

ELASTIC: dict[str, Any] = changed(
    WITH_MODEL,
    cluster__nodes=8,
    cluster__spare_nodes=0,
    cluster__speed=EVEN,
    failures={"causes": [FAILING]},
    recovery=RECOVERY,
    repair=WITHOUT_MODEL["repair"],
    run={"horizon": "20 d"},
    training__tokens=None,
)


def prepared(**changes: Any) -> Prepared:
    return prepare(scenario_of(changed(ELASTIC, **changes), "file.toml"))
