"""D-mod-k: the destination's number alone chooses the way through a tree."""

import numpy as np

from sim.cluster.fabric.arrays import IntArray
from sim.cluster.fabric.hashing import Pick


def d_mod_k_pick(number: IntArray) -> Pick:
    """Return D-mod-k's choice (Zahavi, 2010), for trees: the destination's digits in base of the ports choose.

    Destination d leaves its source's leaf by uplink d mod u1, the next switch by (d div u1) mod u2, and so on; on the
    way down, among parallel cables, by the digit that chose at the same tier on the way up.
    number: of each flow's destination, leaf by leaf. The choice remembers the way up, so a Pick serves one walk.
    """
    digits, length = number.copy(), np.zeros_like(number)
    ways_up: list[IntArray] = []

    def pick(flow: IntArray, switch: IntArray, hops: IntArray, count: IntArray) -> IntArray:
        length[flow] = np.maximum(length[flow], hops)
        while len(ways_up) < length.max():
            ways_up.append(np.zeros_like(number))
        way_up = np.stack(ways_up)
        up = hops > length[flow] // 2
        choice = np.where(up, digits[flow], way_up[hops - 1, flow]) % count
        digits[flow[up]] //= count[up]
        for hop in np.unique(length[flow] - hops).tolist():
            here = length[flow] - hops == hop
            ways_up[hop][flow[here]] = choice[here]
        return choice

    return pick
