"""Energy of published runs, from their GPU-hours and the powers of chips, nodes, network and site."""

import re
from collections.abc import Iterator

from sim import catalog
from sim.analysis.cost.machines import node_of, power, whole_pods
from sim.analysis.cost.records import Records
from sim.analysis.cost.rows import Entry, Found, number, predicted, skipped
from sim.analysis.cost.rules.reasons import reason_of
from sim.analysis.cost.rules.told import chip_told, hardware_text, hours_of, measured_as
from sim.catalog.records import Node
from sim.ledger.methods.epoch import CapexInputs, energy_kwh
from sim.ledger.methods.tables import Chip, constant, organization_of, pue_of
from sim.ledger.power.carbon import operational_kg
from sim.ledger.power.energy import gpu_power_w


def energy_rows(entry: Entry, records: Records) -> Iterator[Found]:
    """Yield energy in kWh: of a node of the catalog by our powers, of another chip by Epoch's ratios."""
    known = hours_of(entry, records)
    if known is None:
        yield skipped(entry, reason_of(entry))
        return
    hours, told = known
    node, chip = node_of(hardware_text(told)), chip_told(told)
    if node is not None:
        yield from _own_energy(entry, hours, node)
    elif chip is not None:
        yield from _epoch_energy(entry, hours, chip)
    else:
        yield skipped(entry, "energy of an accelerator that neither the catalog nor Epoch's tables know")


def _own_energy(entry: Entry, hours: float, node: Node) -> Iterator[Found]:
    """Yield energy by our powers: of the site, or of chips and of nodes where GPU-hours x a power is what is told."""
    if not re.search(r"\bx [\d.]+ kW\b", entry["source"]):
        yield site_energy_row(entry, hours, number(entry), node)
        return
    chip_kw = power(node, node.accelerators, 1.0).chips_w / node.accelerators / 1000
    given = {"gpu_hours": hours, "node": node.name, "chip_kw": chip_kw}
    note = "published at the power limit of chips, by assumption: chips alone, as here"
    yield predicted(entry, hours * chip_kw, given, "chips", section="arithmetic", note=note)
    if idle := re.search(r"idle ([\d,]+) kWh", entry["source"]):
        more = float(idle[1].replace(",", ""))
        servers_kw = _busy_kw(node)
        note = "published: dynamic and idle energy together; here each GPU with its share of a node that works"
        row = predicted(entry, hours * servers_kw, {**given, "node_kw": servers_kw}, "nodes", note=note)
        yield measured_as(row, number(entry) + more)


def _busy_kw(node: Node) -> float:
    return gpu_power_w(catalog.accelerator(node.accelerator), node)["busy"] / 1000


def _epoch_energy(entry: Entry, hours: float, chip: Chip) -> Iterator[Found]:
    """Yield energy of a chip that the catalog lacks, from its TDP by Epoch's ratios, at the PUE that is stated."""
    stated = re.search(r"PUE ([\d.]+)", entry["source"])
    pue = float(stated[1]) if stated else constant("pue_other")
    inputs = CapexInputs(
        chip_hours=hours,
        price_usd=0.0,
        held_days=0,
        server_price_ratio=chip.server_price_ratio,
        tdp_w=chip.tdp_w,
        server_power_ratio=chip.server_power_ratio,
        power_fraction=constant("power_fraction_tpu" if chip.tpu else "power_fraction_gpu"),
        pue=pue,
        usd_per_kwh=0.0,
        deflator=1.0,
    )
    given = {"gpu_hours": hours, "chip": chip.name, "tdp_w": chip.tdp_w, "pue": pue}
    note = "a chip that the catalog lacks: TDP x server ratio x 0.75, of any MFU; the source takes 330 W a chip"
    yield predicted(entry, energy_kwh(inputs), given, note=note)
    carbon = re.search(r"([\d.]+) t\b.*?([\d.]+) kg/kWh", entry["source"])
    if carbon:
        given = {**given, "kg_per_kwh": float(carbon[2])}
        tonnes = operational_kg(energy_kwh(inputs), float(carbon[2])) / 1000
        row = predicted(entry, tonnes, given, "CO2e", unit="tCO2e", note="at the intensity of its source")
        yield measured_as(row, float(carbon[1]))


def site_energy_row(entry: Entry, hours: float, published_kwh: float, node: Node) -> Found:
    """Return the energy at the meter of a run on a large cluster of a node, by our powers and Epoch's PUE.

    published_kwh: what the source tells, be it the record's own amount or not.
    """
    pue = pue_of(organization_of(entry["name"]))
    gpus = node.accelerators * whole_pods(node)
    each_kw = power(node, gpus, pue).facility_w / gpus / 1000
    given = {"gpu_hours": hours, "node": node.name, "pue": pue, "kw_per_gpu": each_kw}
    row = predicted(entry, hours * each_kw, given, "energy", unit="kWh", note="nodes that work, network and PUE")
    return measured_as(row, published_kwh)
