"""Contradictions about utilisation, shares of cost, and failures."""

from sim.analysis.cost.claims.record import Claim
from sim.analysis.cost.records import reference
from sim.analysis.cost.rows import number
from sim.analysis.cost.rules.epoch import reference_view
from sim.analysis.cost.rules.runs import simulated
from sim.analysis.cost.rules.shares import RUN, bill, simulated_shares
from sim.ledger.methods.shares import published_sum


def fewer_gpus(before: float, after: float) -> float:
    """Return the fraction of GPU-hours that a higher MFU saves: 1 - before / after.

    >>> round(fewer_gpus(0.3, 0.5), 12)
    0.4
    """
    return 1 - before / after


def more_gpus(before: float, after: float) -> float:
    """Return how many more GPUs would have done as much as a higher MFU: after / before - 1.

    >>> round(more_gpus(0.3, 0.5), 4)
    0.6667
    """
    return after / before - 1


def mfu() -> Claim:
    """Return what a higher MFU is worth."""
    fewer, more = fewer_gpus(0.3, 0.5), more_gpus(0.3, 0.5)
    return Claim(
        topic="MFU 30 -> 50 %",
        says="40 % fewer GPUs (article 3, line 79); as 40 % more GPUs (line 151)",
        check=f"{100 * fewer:.1f} % fewer GPU-hours, as {100 * more:.1f} % more GPUs",
        holds="40 % fewer (line 79); line 151 takes the saving for the gain",
        values={"fewer": fewer, "more": more},
    )


def share_sum() -> Claim:
    """Return what component shares sum to."""
    low, high = published_sum()
    shares = simulated_shares()
    return Claim(
        topic="component shares",
        says="60-70, 10-15, 10-20, 3-5, 5-10 and 10-20 % failed runs (article 3, lines 46-51)",
        check=f"sum to {100 * low:.0f}-{100 * high:.0f} %; in a simulated run the items are 100 %, and "
        f"{100 * shares.failed_runs:.1f} % of the same bill went to failures",
        holds="neither as a sum: failed runs are a cut across the other five",
        values={"low": low, "high": high, "failed_runs": shares.failed_runs},
    )


def failed() -> Claim:
    """Return what failed runs cost."""
    shares, factor = simulated_shares(), number(reference()["epoch_exp"])
    return Claim(
        topic="failed runs",
        says="can double effective compute (article 2, line 15); 10-20 %+ (3, line 51)",
        check=f"all compute over the final run's: {factor:g} (1.2-4, Epoch); within one simulated run "
        f"{100 * shares.failed_runs:.1f} % of its bill; 8-39 % of GPU-time in failed jobs (Acme, Philly, Helios)",
        holds="both, of different things: doubling is of a development, 10-20 % of jobs in a cluster",
        values={"development": factor, "run": shares.failed_runs},
    )


def one_failure() -> Claim:
    """Return what one failure wastes."""
    stops = sum(simulated(RUN).summary.interruptions.values())
    lost = simulated_shares().failed_runs * sum(bill()[0].values())
    each = lost / stops if stops else 0.0
    return Claim(
        topic="one failure",
        says="a single GPU failure can waste millions (article 4, line 7)",
        check=f"Llama 3.1 405B: {stops:,} interruptions, ${each:,.0f} each in lost work and recovery",
        holds="not one failure: millions are what all of a run's failures waste",
        values={"interruptions": stops, "usd_each": each, "usd_all": lost},
    )


def power_share() -> Claim:
    """Return the share of power."""
    shares = simulated_shares().by_component
    drawn = shares["power"] + shares["cooling"]
    energy = [_energy_share(each) for each in ("GPT-3", "GPT-4", "Llama 3.1-405B", "Gemini 1.0 Ultra")]
    return Claim(
        topic="share of power",
        says="10-15 % (article 3); $18 M of >= $300 M in article 2's own numbers",
        check=f"{100 * min(energy):.0f}-{100 * max(energy):.0f} % of Epoch's capex + energy, "
        f"{100 * drawn:.1f} % of a simulated run's bill with cooling",
        holds="article 2: below 10 % by every method",
        values={"least": min(energy), "most": max(energy), "run": drawn},
    )


def _energy_share(model: str) -> float:
    view = reference_view(model, "capex+energy")
    return view.terms["energy"] / (view.total - view.terms["inflation"])
