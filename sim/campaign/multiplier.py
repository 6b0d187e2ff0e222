"""The development multiplier: everything that a campaign computes over its final runs, as it comes out."""

from collections.abc import Iterable
from dataclasses import dataclass

from sim.campaign.campaign import CampaignResult
from sim.campaign.money import Charge
from sim.campaign.outcome import Outcome
from sim.campaign.records import OTHERS

FINAL = "final"

PUBLISHED: tuple[tuple[str, float, float, float, str], ...] = (
    ("Epoch 2024", 2.2, 1.2, 4.0, "Epoch, development over final run (arXiv 2405.21015): 2.2, 90 % band 1.2 to 4"),
    (
        "OpenAI 2024",
        10.0,
        3.3,
        10.0,
        "Epoch Gradient Updates: final runs 10 % of R&D compute, 10 to 30 % in 2026",
    ),
    ("OLMo 2", 1.5, 1.5, 1.5, "arXiv 2503.05804: development half of the training runs"),
    ("OLMo 3", 5.6, 5.6, 5.6, "arXiv 2605.01158: development 82 % of all compute"),
)
"""Published multipliers: name, value, band and source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipliers:
    """All of a campaign over its final runs that no fault ended; None where there are none.

    gpu_hours: of all runs; held: with idle time; flop: useful, None where it is not known of every run; usd: the whole
    bill. What others do with the assets is in none of them.
    """

    gpu_hours: float | None
    held: float | None
    flop: float | None
    usd: float | None


def multipliers(result: CampaignResult) -> Multipliers:
    """Return the multipliers of a campaign, each at least 1."""
    runs = [outcome for outcome in result.outcomes if outcome.kind != OTHERS]
    final = [outcome for outcome in runs if outcome.kind == FINAL]
    used, last = _held_us(runs), _held_us(final)
    idle = sum(held.idle_us for held in result.held if held.asset.shared)
    return Multipliers(
        gpu_hours=_over(used, last),
        held=_over(used + idle, last),
        flop=_over(_flop(runs), _flop(final)),
        usd=_over(_usd(result.charges), _usd(charge for charge in result.charges if charge.kind == FINAL)),
    )


def _held_us(outcomes: Iterable[Outcome]) -> int:
    return sum(outcome.held_us for outcome in outcomes)


def _flop(outcomes: Iterable[Outcome]) -> float | None:
    """Return useful FLOP, None where those of any run are not known."""
    flops = [outcome.flop for outcome in outcomes]
    return None if None in flops else sum(flop for flop in flops if flop is not None)


def _usd(charges: Iterable[Charge]) -> int:
    return sum(charge.micro_usd for charge in charges)


def _over(whole: float | None, part: float | None) -> float | None:
    return whole / part if whole is not None and part else None
