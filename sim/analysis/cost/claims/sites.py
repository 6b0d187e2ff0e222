"""Contradictions about power, sites and servers."""

from sim import catalog
from sim.analysis.cost.claims.record import Claim
from sim.analysis.cost.machines import book_price, gpus_of_site, power
from sim.analysis.cost.records import reference
from sim.analysis.cost.rows import number

OTHER_PARTS_USD = 32_010.0
"""Of a DGX H100 beside its GPUs (SemiAnalysis' bill of May 2023, in Epoch's h100_manufacturing_cost.ipynb)."""


def site_power() -> Claim:
    """Return the power of 50,000 GPUs."""
    drawn = power(catalog.node("dgx-h100"), 50_000, book_price("energy/pue"))
    levels = {"chips": drawn.chips_w, "nodes": drawn.nodes_w, "IT": drawn.it_w, "meter": drawn.facility_w}
    told = ", ".join(f"{name} {watts / 1e6:.0f}" for name, watts in levels.items())
    return Claim(
        topic="50,000 GPUs",
        says="30-50 MW at full utilisation (article 2, line 12)",
        check=f"H100 at work, MW: {told}; at nameplate {drawn.nameplate_w / 1e6:.0f} of IT",
        holds="30-50 MW is chips, or chips with their servers; a site needs more",
        values={name: watts / 1e6 for name, watts in levels.items()},
    )


def silicon() -> Claim:
    """Return what two-thirds of a gigawatt site are."""
    share = {name: number(reference()[f"bernstein_share_{name}"]) for name in ("gpus", "me")}
    gpus = [gpus_of_site(catalog.node(name), 1e9, book_price("energy/pue")) for name in ("dgx-b200", "dgx-h100")]
    return Claim(
        topic="1 GW, two-thirds silicon",
        says="$35 B, two-thirds of it silicon, hundreds of thousands of GPUs (article 1, lines 20, 27)",
        check=f"GPUs {100 * share['gpus']:.0f} %, mechanical and electrical {100 * share['me']:.0f} % (Bernstein): "
        f"all IT is {100 * (1 - share['me']):.0f} %; "
        f"1 GW feeds {gpus[0] / 1000:.0f}k B200 to {gpus[1] / 1000:.0f}k H100",
        holds="two-thirds is all IT, of which silicon is less; the number of GPUs holds",
        values={"gpus": share["gpus"], "it": 1 - share["me"], "b200": gpus[0], "h100": gpus[1]},
    )


def b300() -> Claim:
    """Return what servers of B200 and B300 cost."""
    b200, b300 = [8 * usd + OTHER_PARTS_USD for usd in (45_000, 50_000)], 8 * 53_000 + OTHER_PARTS_USD
    return Claim(
        topic="B200 and B300 servers",
        says="B200 $45-50 k, its server > $500 k; B300 $53 k, DGX B300 $400-500 k (article 1, line 18); "
        "$300-350 k elsewhere",
        check=f"8 chips and $32 k of other parts: B200 ${b200[0] / 1e3:.0f}-{b200[1] / 1e3:.0f} k, "
        f"B300 ${b300 / 1e3:.0f} k",
        holds="DGX B300 at $400-500 k fits its chips; a B200 server above $500 k does not, nor a B300 at $300-350 k",
        values={"b200_low": b200[0], "b200_high": b200[1], "b300": b300},
    )
