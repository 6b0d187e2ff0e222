"""How the metrics of runs are shown."""

from collections.abc import Callable

from sim.quantities import show
from sim.report.text import percent, short, short_usd

FRACTIONS = ("exposed_communication", "step_mfu", "effective_mfu", "goodput", "ettr")


def amount_of(metric: str) -> Callable[[float], str]:
    """Return how a metric is shown.

    >>> amount_of("wall_time_s")(90.0), amount_of("ettr")(0.925), amount_of("cost_usd")(1e6)
    ('1.5 min', '92.5 %', '$1.000 M')
    """
    if "usd" in metric:
        return lambda value: short_usd(value, 4)
    if metric == "tokens":
        return lambda value: short(value, 4)
    if metric.endswith("_s"):
        return lambda value: show(value, "time", 4)
    if metric in FRACTIONS:
        return lambda value: f"{100 * value:.3g} %" if abs(value) < 0.01 else percent(value)
    return lambda value: f"{value:,.4g}"
