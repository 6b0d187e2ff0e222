"""Points that fill a space of ranges: a Latin hypercube, and a Sobol sequence."""

import numpy as np
from numpy.typing import NDArray

from sim.batch.design.forms import SampleForm
from sim.batch.design.ranges import range_of, value_at
from sim.errors import InputError
from sim.streams import stream

Points = NDArray[np.float64]
"""Points down, keys across, each in [0, 1)."""


def latin_hypercube(count: int, keys: tuple[str, ...], seed: int) -> Points:
    """Return points of which every key has one in each of `count` equal parts of its range.

    (rank + u) / count by key, ranks permuted at random (McKay, Beckman and Conover, Technometrics 21, 1979). A key's
    coordinates follow from the seed and its name, whatever other keys there are.

    >>> sorted((latin_hypercube(4, ("a",), 1)[:, 0] * 4).astype(int).tolist())
    [0, 1, 2, 3]
    """
    columns = []
    for key in keys:
        drawn = stream(seed, "latin-hypercube", key)
        ranks = np.argsort(drawn.random(count), kind="stable")
        columns.append((ranks + drawn.random(count)) / count)
    return np.stack(columns, axis=1)


def sobol(count: int, keys: tuple[str, ...], seed: int) -> Points:
    """Return the first points of a Sobol sequence, each key shifted at random, modulo 1.

    The sequence is scipy's, unscrambled (Joe and Kuo, SIAM J. Sci. Comput. 30, 2008); the shift is that of Cranley and
    Patterson (SIAM J. Numer. Anal. 13, 1976). Raises ValueError where the count is no power of two.

    >>> points = sobol(8, ("a", "b"), 1)
    >>> points.shape, [len(set((points[:, key] * 8).astype(int).tolist())) for key in (0, 1)]
    ((8, 2), [8, 8])
    """
    from scipy.stats import qmc

    if count & (count - 1):
        raise ValueError(f"count: got {count}, expected a power of two")
    shift = np.array([stream(seed, "sobol", key).random() for key in keys])
    points = np.asarray(qmc.Sobol(d=len(keys), scramble=False).random(count)) + shift
    return np.asarray(points - np.floor(points))


def sampled(form: SampleForm, kind: str, where: str) -> tuple[dict[str, str], ...]:
    """Return the points of a sample by key, as overrides take them; equal points of whole numbers stand once."""
    keys = tuple(form.keys)
    ranges = [range_of(form.keys[key], f"{where}.keys.{key}") for key in keys]
    draw = latin_hypercube if kind == "latin-hypercube" else sobol
    try:
        points = draw(form.count, keys, form.seed)
    except ValueError as error:
        raise InputError(f"{where}.{error}") from None
    rows = [tuple(value_at(each, float(at)) for each, at in zip(ranges, row, strict=True)) for row in points]
    return tuple(dict(zip(keys, row, strict=True)) for row in dict.fromkeys(rows))
