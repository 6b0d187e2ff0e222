"""Records of scaling laws."""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.catalog.records import Provenance

Range = tuple[float, float]
"""Least and most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A published fit: its form, its constants, which parameters it counts, and the ranges that it was fitted on.

    experts: of a mixture, which only some forms know; others read as (1, 1).
    """

    name: str
    title: str
    form: str
    counts: str
    constants: Mapping[str, float]
    parameters: Range
    tokens: Range
    flop: Range
    experts: Range
    source: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a law is asked for beside parameters and tokens.

    efficiency: how much more a FLOP achieves than where the law was fitted (better recipes, data, architecture).
    experts: of a mixture that a token visits one of, each as large as a feed-forward network. unique_tokens: more than
    these are repetitions; None: no token is seen twice.
    """

    efficiency: float = 1.0
    experts: float = 1.0
    unique_tokens: float | None = None


PLAIN = Setting()
"""Nothing but parameters and tokens."""
