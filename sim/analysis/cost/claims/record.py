"""A contradiction: what is said, what the check gives, what holds. Articles are five on the economics of training."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What articles say of a topic, what the check gives, and which statement holds. values: the check in numbers."""

    topic: str
    says: str
    check: str
    holds: str
    values: Mapping[str, float]
