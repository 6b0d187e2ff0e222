"""When a run draws its energy: by hour of the day, for tariffs that depend on it. Runs begin at 00:00."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.catalog.records import Accelerator, Node, Storage
from sim.cluster.records import BomLine
from sim.ledger.power.energy import POWER_LEVELS, gpu_power_w, network_power_w, storage_power_w
from sim.ledger.time.apportion import Ints
from sim.ledger.time.states import STATES
from sim.ledger.time.time_ledger import TimeLedger

HOUR_US = 3_600_000_000
HOURS = 24


def by_hour_nj(
    ledger: TimeLedger, node: Node, accelerator: Accelerator, bill: Sequence[BomLine], storage: Storage
) -> tuple[int, ...]:
    """Return the IT energy drawn in each hour of the day, summed over the run, in nanojoules.

    Assumption: the time of a row is spread evenly over its span. Steps are taken as they ran, lost or not; numbers are
    to the precision of a float, as shares need.
    """
    spans = ledger.start_us < ledger.end_us
    power_w = gpu_power_w(accelerator, node)
    level_mw = np.array([1000 * power_w[POWER_LEVELS.get(state, "off")] for state in STATES])
    start_us, end_us = ledger.start_us[spans], ledger.end_us[spans]
    drawn_nj = ledger.gpu_us[spans] * level_mw[ledger.state[spans]] / (end_us - start_us)
    constant_mw = 1000 * (network_power_w(bill) + storage_power_w(storage))
    totals = []
    for hour in range(HOURS):
        inside_us = _inside_us(end_us, hour) - _inside_us(start_us, hour)
        whole_us = float(_inside_us(np.array([ledger.wall_us]), hour)[0])
        totals.append(round(float(drawn_nj @ inside_us) + constant_mw * whole_us))
    return tuple(totals)


def _inside_us(time_us: Ints, hour: int) -> NDArray[np.float64]:
    """Return how long it has been a certain hour of the day until each time.

    >>> (_inside_us(np.array([0, 2, 26]) * HOUR_US, 1) / HOUR_US).tolist()
    [0.0, 1.0, 2.0]
    """
    days, rest_us = np.divmod(time_us, HOURS * HOUR_US)
    return np.asarray(days * HOUR_US + np.clip(rest_us - hour * HOUR_US, 0, HOUR_US), dtype=np.float64)
