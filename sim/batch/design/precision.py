"""How narrow the interval of a metric is to be."""

from sim.errors import InputError, UnitError
from sim.quantities import parse


def half_width(value: float | str, metric: str) -> tuple[float, bool]:
    """Return a half-width and whether it is relative.

    >>> half_width("0.5 %", "ettr"), half_width(0.002, "ettr")
    ((0.005, True), (0.002, False))
    """
    where = f"until.half_width.{metric}"
    if isinstance(value, str):
        number = parse(value, "fraction", where)
        if "%" not in value:
            raise UnitError(f"{where}: got {value!r}; expected a number, or a text such as '0.5 %' of the mean")
    else:
        number = float(value)
    if not 0 < number < float("inf"):
        raise InputError(f"{where}: got {value!r}; expected more than 0")
    return number, isinstance(value, str)
