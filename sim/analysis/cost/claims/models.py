"""Contradictions about what models cost, and emitted."""

from collections.abc import Mapping
from datetime import date

from sim.analysis.cost.claims.record import Claim
from sim.analysis.cost.records import Records, reference
from sim.analysis.cost.rows import number
from sim.analysis.cost.rules.epoch import development_view, reference_view
from sim.analysis.cost.rules.runs import GRID
from sim.ledger.methods.cards import card_carbon_view, rate_view
from sim.ledger.methods.lookup import Run, epoch_views
from sim.ledger.methods.records import View


def gpt3() -> Claim:
    """Return what GPT-3 cost."""
    usd = _three("GPT-3")
    return Claim(
        topic="GPT-3",
        says="$4-5 M (article 2), $5-10 M and ~$10 M (3), $5 M (4)",
        check=f"Epoch's methods: {_told(usd)}",
        holds="each under a method of its own: $4-5 M is rent, $5-10 M a development; ~$10 M is the top of it",
        values=usd,
    )


def gpt4() -> Claim:
    """Return what GPT-4 and Gemini Ultra cost."""
    usd, gemini = _three("GPT-4"), _three("Gemini 1.0 Ultra")
    return Claim(
        topic="GPT-4, Gemini Ultra",
        says="$80-90 M both (article 1, line 10); $100 M+ (3)",
        check=f"GPT-4: {_told(usd)}; Gemini Ultra: {_told(gemini)}",
        holds="GPT-4's $80-90 M is rent and $100 M+ a development; no method gives Gemini Ultra $80-90 M",
        values={**usd, **{f"gemini {name}": amount for name, amount in gemini.items()}},
    )


def growth() -> Claim:
    """Return by how much costs grow in a year."""
    yearly = (85e6 / 1000) ** (1 / 6)
    doubling = {months: 2 ** (12 / months) for months in (6, 10)}
    return Claim(
        topic="growth of cost",
        says="2.4-2.6 times a year, and $1,000 (2017) to $80-90 M (2023) (article 1); doubles in 6-10 months (4)",
        check=f"$1,000 to $85 M in six years is {yearly:.1f} times a year; "
        f"6-10 months are {doubling[10]:.1f}-{doubling[6]:.1f}",
        holds="2.4-2.6 (Epoch: 2.0-2.9); the Transformer was no run at the frontier of compute",
        values={"yearly": yearly, "low": doubling[10], "high": doubling[6]},
    )


def transformer() -> Claim:
    """Return what the first Transformer cost."""
    run = Run(
        model="Transformer",
        hardware="NVIDIA P100",
        chip_hours=672.0,
        chips=8.0,
        published=date(2017, 6, 12),
        organization="Google",
    )
    view = epoch_views(run)["capex+energy"]
    assert isinstance(view, View), "the tables have its chip"
    rent = rate_view({"job": 672.0}, 1.46).total
    return Claim(
        topic="Transformer (2017)",
        says="~$1,000 (article 1, line 10)",
        check=f"8 P100 for 84 h: amortised ${view.total:,.0f} by Epoch's method (its database: $438); "
        f"rent at $1.46 ${rent:,.0f}",
        holds="$1,000 as the rent of the day; some $400 amortised",
        values={"amortised": view.total, "rent": rent},
    )


def llama_card() -> Claim:
    """Return what training Llama 3.3 70B emitted."""
    grid = number(reference()[GRID]) / 1000
    tonnes = card_carbon_view(7.0e6, 700, grid, number(reference()["pue_Meta_fleet"])).total / 1000
    return Claim(
        topic="Llama 3.3 70B",
        says="its card: 7.0 M GPU-hours and 12.9 tCO2e; Llama 3.1 70B: 7.0 M and 2,040 t",
        check=f"7.0 M hours x 0.7 kW x PUE x {grid:.3f} kg/kWh = {tonnes:,.0f} t",
        holds="2,040 t; 12.9 t would be less than 3 g a kWh",
        values={"tonnes": tonnes},
    )


def _usd(model: str, method: str) -> float:
    return reference_view(model, method).total


def _development(model: str) -> float:
    view = development_view(model, Records(records=()))
    assert view is not None, "the reference tells of its staff"
    return view.total


def _three(model: str) -> dict[str, float]:
    methods = {"amortised": _usd(model, "capex+energy"), "cloud": _usd(model, "cloud")}
    return {**methods, "development": _development(model)}


def _told(usd: Mapping[str, float]) -> str:
    return ", ".join(f"{name} ${amount / 1e6:.1f} M" for name, amount in usd.items())
