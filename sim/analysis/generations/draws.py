"""What is drawn for each sample of a generation: every uncertain input, and which simulated runs it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.analysis.generations.simulated import SCALES, SEEDS, Point, Simulated, weights
from sim.analysis.generations.spread import Floats, by_quantiles, log_normal, step_points, unit_samples
from sim.analysis.generations.table import Generation, bands
from sim.analysis.generations.usage import mixed
from sim.ledger.bill.usage import Usage
from sim.ledger.methods.tables import chip_of, constant, organization_of, pue_of

OWN = ("step", "seed", "staff")
"""Dimensions without a band in the table: the error of a step's time, the seed, and Epoch's estimate of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Samples of a generation by the name of the input; step: measured over simulated time of a step."""

    values: Mapping[str, Floats]
    staff: Floats
    count: int

    def factors(self, index: int) -> dict[str, float]:
        """Return the inputs of one sample."""
        return {name: float(values[index]) for name, values in self.values.items()}


def draws_of(generation: Generation, simulated: Simulated, count: int, seed: int) -> Draws:
    """Return the samples of a generation, on a Latin hypercube of its own: generations are taken as independent.

    compute is 1 where it is not uncertain. A TPU has the band of its own for prices, and who is no
    hyperscaler that of its own for PUE.
    """
    known = bands()
    names = [name for name in known if "," not in name]
    units = unit_samples(count, len(names) + len(OWN), seed)
    tpu = (chip := chip_of(generation.hardware)) is not None and chip.tpu
    hyperscaler = pue_of(organization_of(generation.model)) == constant("pue_hyperscaler")
    own = {"hardware": "hardware, TPU" if tpu else "hardware", "PUE": "PUE" if hyperscaler else "PUE, others"}
    values = {}
    for column, name in enumerate(names):
        band = known[own.get(name, name)]
        values[name] = log_normal(units[:, column], band.low, band.high)
    if not generation.uncertain_compute:
        values["compute"] = np.ones(count)
    step, number, staff = (units[:, len(names) + place] for place in range(len(OWN)))
    values["step"] = by_quantiles(step, step_points(simulated.scenario))
    values["seed"] = np.floor(number * SEEDS)
    return Draws(values=values, staff=staff, count=count)


def usage_of(simulated: Simulated, factors: Mapping[str, float]) -> tuple[Usage, float]:
    """Return what the run of a sample used, and the share of its GPU-hours that the job held.

    Between the simulated rates of failure it is mixed of the two beside, then stretched by the error of the step's time
    and, where it is assumed, the compute.
    """
    parts, share = [], 0.0
    for scale, weight in weights(factors["failures"]):
        point = _point(simulated, scale, int(factors["seed"]))
        parts.append((point.usage, weight * point.stretch))
        share += weight * point.job_share
    return mixed(parts, factors["step"] * factors["compute"]), share


def _point(simulated: Simulated, scale: float, seed: int) -> Point:
    """Return the run of a rate and the seed of a number: points are by rate, then seed."""
    return simulated.points[SCALES.index(scale) * SEEDS + seed]
