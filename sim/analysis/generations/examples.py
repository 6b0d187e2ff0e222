"""A usage that a hand can check, for examples and tests."""

from sim.ledger.bill.usage import Assets, Usage
from sim.ledger.power.energy import EnergyLedger
from sim.ledger.time.time_ledger import Key


def small_usage(wall_us: int = 10) -> Usage:
    """Return one node of 8 GPUs that computed all the time, at 1 nJ a GPU-microsecond.

    >>> small_usage().time
    {Key(state='step', cause='', phase=0): 80}
    """
    key = Key("step", "", 0)
    energy = EnergyLedger(
        it_nj={key: 8 * wall_us},
        chips_nj=4 * wall_us,
        nodes_nj=6 * wall_us,
        network_nj=wall_us,
        storage_nj=wall_us,
        peak_it_w=10.0,
    )
    assets = Assets(node="dgx-h100", nodes=1, gpus_per_node=8, bill=(), storage="nvme-server", nameplate_w=10_200.0)
    return Usage(gpus=8, wall_us=wall_us, time={key: 8 * wall_us}, energy=energy, assets=assets, tokens=1000)
