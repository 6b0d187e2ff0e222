"""Component shares of articles beside those of a simulated run, by item and across items."""

from collections import Counter
from collections.abc import Iterator
from functools import cache

from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Found, predicted, skipped
from sim.analysis.cost.rules.epoch import share_rows
from sim.analysis.cost.rules.runs import simulated
from sim.ledger.methods.shares import Shares, component_shares

RUN = "llama3-405b"
"""The run whose bill is compared with shares of "a frontier run"."""


@cache
def bill() -> tuple[dict[str, float], dict[str, float]]:
    """Return the bill of the run in USD by item and by state; each sums to the same total."""
    costs = simulated(RUN).costs
    assert costs is not None, "the scenario that ships is billed"
    by_item: Counter[str] = Counter()
    by_state: Counter[str] = Counter()
    for posting in costs.postings:
        by_item[posting.item] += posting.micro_usd
        by_state[posting.state] += posting.micro_usd
    return _usd(by_item), _usd(by_state)


def _usd(micro_usd: Counter[str]) -> dict[str, float]:
    return {name: amount / 1e6 for name, amount in micro_usd.items()}


@cache
def simulated_shares() -> Shares:
    """Return both marginals of the run's bill."""
    return component_shares(*bill())


def cost_share_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield a share: of a development by Epoch's method, or of a run, from the simulated bill."""
    scope, _, name = entry["name"].partition(": ")
    shares = simulated_shares()
    known = {**shares.by_component, "failed_runs": shares.failed_runs}
    if scope.startswith("epoch_dev"):
        yield from share_rows(entry, records)
    elif name not in known or name == "other":
        yield skipped(entry, f"'{name}' is no component of a bill: expected one of {', '.join(known)}")
    else:
        yield predicted(entry, known[name], {"scenario": RUN, "seed": 1}, note=_note(name, shares))


def _note(name: str, shares: Shares) -> str:
    if name == "failed_runs":
        return "a cut across all items: lost work and recovery within one run; abandoned runs are a campaign's"
    other = f"{100 * shares.by_component['other']:.0f} % is in none of them: {', '.join(shares.other)}"
    return f"of one run's whole bill, of which {other}"
