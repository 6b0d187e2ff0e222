"""The scenarios of variants; all that is wrong with any of them is said at once."""

from collections.abc import Sequence

from sim.batch.variants import Variant
from sim.errors import InputError
from sim.scenario import Scenario, load_scenario


def loaded(source: str, variants: Sequence[Variant], overrides: Sequence[str]) -> list[Scenario]:
    """Return the scenario of every variant, whose own overrides lie over those that all share.

    Raises InputError with a line for each thing that is wrong, which names the variant.
    """
    scenarios, lines = [], []
    for variant in variants:
        try:
            scenarios.append(load_scenario(source, [*overrides, *variant.overrides]))
        except InputError as error:
            lines += [f"{variant.name}: {line}" for line in str(error).splitlines()]
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))
    return scenarios
