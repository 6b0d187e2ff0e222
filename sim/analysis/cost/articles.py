"""What articles and reports state outside any file: exact arithmetic, and ranges that a cluster of ours should meet."""

from collections.abc import Iterator

from sim import catalog
from sim.analysis.cost.claims.shares import fewer_gpus, more_gpus
from sim.analysis.cost.machines import book_price, gpus_of_site, power
from sim.analysis.cost.rows import Predicted
from sim.ledger.methods.cards import rate_view
from sim.ledger.methods.epoch import CapexInputs, capex_energy
from sim.ledger.methods.shares import published_sum
from sim.ledger.power.carbon import tdp_only_kg

HOURS_PER_YEAR = 8766.0


def article_rows() -> Iterator[Predicted]:
    """Yield exact figures, which test arithmetic, then ranges of articles, which are judged and not scored."""
    yield from _exact_rows()
    yield from _range_rows()


def _exact_rows() -> Iterator[Predicted]:
    low, high = published_sum()
    gpt4 = CapexInputs(
        chip_hours=57.0e6,
        price_usd=24_875.0,
        held_days=638,
        server_price_ratio=1.66,
        tdp_w=400.0,
        server_power_ratio=6.5 / 8 / 0.4,
        power_fraction=0.75,
        pue=1.25,
        usd_per_kwh=0.0806,
        deflator=119.029 / 117.766,
    )
    exact = (
        ("GPT-4, Epoch's method to the cent", "USD2023", 40_586_592.58, capex_energy(gpt4).total, "arXiv 2405.21015"),
        ("DeepSeek-V3 at $2", "USD", 5.576e6, rate_view({"job": 2.788e6}).total, "arXiv 2412.19437, table 1"),
        (
            "Llama 3.1 405B card",
            "tCO2e",
            8931.0,
            tdp_only_kg(30.84e6, 700.0, 0.4137) / 1000,
            "model card, 0.4137 kg/kWh",
        ),
        ("MFU 30 -> 50 %: fewer GPU-hours", "fraction", 0.4, fewer_gpus(0.3, 0.5), "article 3, line 79"),
        ("MFU 30 -> 50 %: as more GPUs", "fraction", 2 / 3, more_gpus(0.3, 0.5), "1 / (1 - 0.4) - 1"),
        ("component shares, least sum", "fraction", 0.98, low, "article 3, lines 46-51"),
        ("component shares, largest sum", "fraction", 1.40, high, "article 3, lines 46-51"),
    )
    for name, unit, known, found, source in exact:
        yield _row(name, "exact", unit, known, found, source, section="arithmetic")


def _range_rows() -> Iterator[Predicted]:
    node, pue = catalog.node("dgx-h100"), book_price("energy/pue")
    drawn = power(node, 100, pue)
    year = drawn.facility_w / 1000 * HOURS_PER_YEAR * book_price("energy/kwh")
    given = {"gpus": 100, "node": node.name, "pue": pue, "usd_per_kwh": book_price("energy/kwh")}
    yield _range("100 GPUs, a year of power and cooling", "USD", 84_000, 115_000, year, "article 1, line 20", given)
    for name in ("dgx-h100", "dgx-b200", "gb200-nvl72"):
        found = gpus_of_site(catalog.node(name), 1e9, pue)
        source = "article 1, line 20: 10.2 to 14.3 kW a node, PUE 1.1 to 1.25"
        yield _range(f"1 GW, GPUs of {name}", "GPUs", 450_000, 710_000, found, source, {"node": name, "pue": pue})


def _row(name: str, group: str, unit: str, known: float, found: float, source: str, **more: object) -> Predicted:
    values = {"section": "published", "inputs": {}, **more}
    return Predicted(id=name, group=group, unit=unit, measured=known, simulated=found, source=source, **values)  # type: ignore[arg-type]


def _range(
    name: str, unit: str, low: float, high: float, found: float, source: str, given: dict[str, object]
) -> Predicted:
    return _row(name, "article", unit, (low + high) / 2, found, source, inputs=given, low=low, high=high)
