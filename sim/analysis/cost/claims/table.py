"""All contradictions, in the order in which they are told."""

from collections.abc import Callable

from sim.analysis.cost.claims.models import gpt3, gpt4, growth, llama_card, transformer
from sim.analysis.cost.claims.record import Claim
from sim.analysis.cost.claims.shares import failed, mfu, one_failure, power_share, share_sum
from sim.analysis.cost.claims.sites import b300, silicon, site_power

CLAIMS: tuple[Callable[[], Claim], ...] = (
    *(mfu, share_sum, gpt3, gpt4, growth, transformer, site_power, silicon, b300, failed, one_failure, power_share),
    llama_card,
)


def contradictions() -> tuple[Claim, ...]:
    """Return every contradiction with its check, computed anew."""
    return tuple(claim() for claim in CLAIMS)
