"""Why records are not predicted: by their id, or by their category."""

import re
from collections.abc import Mapping

from sim.analysis.cost.rows import Entry

BY_CATEGORY: Mapping[str, str] = {
    "price_purchase": "a price: an input of the price books and of Epoch's tables",
    "price_rent": "a price: an input of the price books and of Epoch's tables",
    "price_rent_timeline": "a price, or a discount on one: an input",
    "cluster_capex": "no rule leads to it from our bills of materials and prices",
    "power": "no rule leads to it from the catalog's powers",
    "pue": "a PUE: an input",
    "electricity": "a price or a tariff: an input",
    "depreciation": "a life or a rate of decline: an input",
    "people": "salaries and staff: an input of the bill and of developments",
    "data": "a price of data: an input",
    "experiments": "compute beside the final run: an input of developments",
    "uncertainty": "a band of an input, or of a Monte Carlo over such bands",
    "published_run": "no rule leads to an amount in its unit",
    "epoch_method_result": "its note tells no chip-hours and hardware, which the methods take",
    "cost_share": "no component of a bill or a development",
    "carbon": "a carbon intensity: an input",
    "hbm": "a part of a chip, whose materials the catalog does not split",
    "tco_model": "a monthly rent of a cloud, made of that cloud's own price",
    "growth": "a trend over many models: see the contradictions",
    "proposed_default": "a default that was chosen, without a measurement",
}
"""Why a category holds records without a prediction."""

BY_ID: Mapping[str, str] = {
    r"tdp_": "a TDP: an input",
    r"dgx_.*_max|gb200_nvl72$": "a nameplate: an input of the catalog",
    r"hgx_h100_|olmo_swing": "the catalog's power of a node that works is set by it",
    r"epoch_chip_to_server_": "a server that the catalog lacks",
    r"epoch_avg_": "an input of Epoch's methods",
    r"acme_(a100|cpu)_": "powers over a fleet, idle machines included, whose jobs are not stored",
    r"smc_immersion": "a node without fans, which the catalog does not split off",
    r"perseus": "a saving by lower clocks, which are not simulated",
    r"gs_dc_mw|trad_dc_mw": "a price of facilities: an input of the price books",
    r"lustre_pb": "a price of storage: an input of the price books",
    r"epoch_server_overhead_": "an input of Epoch's methods",
    r"gb200_breakeven": "a ratio of two total costs, neither of which is stored",
    r"bernstein_share_": "a rack has one price in our books: chips, processors, margin and store have none apart",
    r"acme_state_": "shares of all jobs of a cluster, whose jobs are not stored",
    r"embodied_h|embodied_b": "making spread over a precision and a life that it does not state",
    r"embodied_a100|pcf_": "what making emits: an input of embodied carbon",
    r"gpuh_": "an input of the rows of its energy and carbon; no scenario of it ships",
    r"gpt3_semianalysis": "its hourly cost is not stated; costs fall 1.35 times where MFU rises 1.59 times",
    r"llama3_interruptions": "a count of failures: see `validate --kind reliability`",
    r"olmo2$": "tonnes of a series without its GPU-hours",
    r"olmo3$": "energy of a development without its GPU-hours",
}
"""Why records are not predicted, by how their ids begin."""


def reason_of(entry: Entry, otherwise: str = "") -> str:
    """Return why a record is not predicted: its own reason, what is said otherwise, or its category's.

    >>> reason_of({"id": "tdp_H100", "category": "power"})
    'a TDP: an input'
    """
    own = next((reason for start, reason in BY_ID.items() if re.match(start, entry["id"])), None)
    return own or otherwise or BY_CATEGORY[entry["category"]]
