"""Small scenarios for tests: a tree of keys to change one at a time."""

from copy import deepcopy
from typing import Any

WITH_MODEL: dict[str, Any] = {
    "name": "small",
    "model": {"preset": "llama3-8b"},
    "training": {
        "tokens": 1_000_000_000,
        "sequence_length": 8192,
        "global_batch": 64,
        "software": "megatron-core-2024",
    },
    "parallelism": {"tensor": 4, "pipeline": 2},
    "cluster": {
        "node": "dgx-h100",
        "nodes": 4,
        "topology": {"kind": "fat-tree", "k": 8},
        "storage": "nvme-server",
    },
    "checkpoint": {"interval": {"kind": "fixed", "every": "10 min"}},
}

WITHOUT_MODEL: dict[str, Any] = {
    "name": "study",
    "training": {"step_time": "10 s"},
    "cluster": {"node": "dgx-h100", "nodes": 512, "spare_nodes": 8},
    "failures": {"causes": [{"component": "node", "name": "any", "kind": "exponential", "mean": "264 d"}]},
    "recovery": {"detect": "20 min", "replace": "0 s", "initialize": "0 s", "rework": False},
    "repair": {
        "crews": 0,
        "automatic": {"time": "2 h", "success": 0.6},
        "manual": {"time": "2 d", "success": 1},
    },
    "run": {"work": "30 d"},
}


def changed(tree: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
    """Return a copy with keys changed: `training__tokens=5` sets [training] tokens; None takes a key away."""
    result = deepcopy(tree)
    for path, value in changes.items():
        *tables, key = path.split("__")
        table = result
        for name in tables:
            table = table.setdefault(name, {})
        if value is None:
            del table[key]
        else:
            table[key] = value
    return result
