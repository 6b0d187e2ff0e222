"""The scenarios of variants; all that is wrong with any of them is said at once."""

from collections.abc import Sequence

from sim.batch.variants import Variant
from sim.errors import InputError
from sim.scenario import Scenario, load_scenario


def loaded(source: str, variants: Sequence[Variant], overrides: Sequence[str]) -> list[Scenario]:
    """Return the scenario of every variant, whose own overrides lie over those that all share.

    Raises InputError with a line for each thing that is wrong, which names the variants that it is wrong with: the
    first and how many others, none where it is wrong with all.
    """
    scenarios, found = [], dict[str, list[str]]()
    for variant in variants:
        try:
            scenarios.append(load_scenario(source, [*overrides, *variant.overrides]))
        except InputError as error:
            for line in dict.fromkeys(str(error).splitlines()):
                found.setdefault(line, []).append(variant.name)
    if found:
        raise InputError("\n".join(f"{_of(names, len(variants))}{line}" for line, names in found.items()))
    return scenarios


def _of(names: Sequence[str], variants: int) -> str:
    """Return how a line begins that is said of some variants.

    >>> _of(["a"], 3), _of(["a", "b"], 4), _of(["a", "b", "c"], 4), _of(["a", "b", "c"], 3)
    ('a: ', 'a and 1 other variant: ', 'a and 2 other variants: ', '')
    """
    others = len(names) - 1
    if others == 0:
        return f"{names[0]}: "
    return "" if len(names) == variants else f"{names[0]} and {others} other variant{'s' if others > 1 else ''}: "
