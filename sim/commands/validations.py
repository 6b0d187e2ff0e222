"""Kinds of validation with a file of their own."""

import sys

from sim.terminal import show_facts


def validate_cost(measurements: str | None, as_json: bool) -> None:
    """Compare published costs, energy and carbon with what is predicted from what else is published."""
    from sim.analysis.cost.answer import cost_answer
    from sim.analysis.cost.records import read_records
    from sim.report.cost_validation import cost_validation
    from sim.report.progress import progress

    records = read_records(measurements)
    with progress(sys.stderr) as report:
        facts = cost_answer(
            records,
            articles=measurements is None,
            progress=lambda done, count: report(done / count, "records"),
        )
    show_facts(facts, as_json, lambda: cost_validation(facts))
