"""Records as a cost file holds them."""

from typing import Any

from sim.analysis.cost.records import Records, records_of, reference


def record(**changes: Any) -> dict[str, Any]:
    """Return a record of a published run, changed."""
    texts = {"id": "mine", "category": "published_run", "name": "mine", "unit": "USD", "source": "here"}
    return {**texts, "value": 1.0, **changes}


def known(*names: str) -> Records:
    """Return records of the reference by id, as a file that holds nothing else."""
    return records_of({"records": [reference()[name] for name in names]})


def only(*records: dict[str, Any]) -> Records:
    """Return a file of records."""
    return records_of({"records": list(records)})
