"""Several differences told at once: intervals that hold together."""

from sim.batch.statistics.student import COVERAGE


def each_covers(comparisons: int, coverage: float = COVERAGE) -> float:
    """Return what each of several intervals must cover so that all hold at once as often as `coverage`.

    Bonferroni: 1 - (1 - coverage) / comparisons, whatever the samples share; a test that the interval leaves 0 out has
    that family-wise error (Miller, Simultaneous Statistical Inference, 1981, section 1.2). Raises ValueError for none.

    >>> each_covers(1), round(each_covers(14), 5)
    (0.95, 0.99643)
    """
    if comparisons < 1:
        raise ValueError(f"comparisons: got {comparisons}, expected one at least")
    return 1 - (1 - coverage) / comparisons if comparisons > 1 else coverage
