"""What a method says of a run: an amount and the terms that it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An amount in a unit, as the sum of its terms. inputs: all that it was made from; note: what it leaves out."""

    method: str
    unit: str
    terms: Mapping[str, float]
    inputs: Mapping[str, object] = field(default_factory=dict)
    note: str = ""

    @property
    def total(self) -> float:
        """The sum of the terms."""
        return fsum(self.terms.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A method that cannot be applied to a run, and why."""

    method: str
    reason: str
