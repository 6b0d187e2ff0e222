"""What anchoring moved, on the screens of `step` and `run`."""

from sim.quantities import show
from sim.report.text import Result, signed, wrapped


def calibration_text(result: Result) -> list[str]:
    """Return what anchoring moved, and how far each anchor was off before and after."""
    moved = result["calibration"]
    if moved is None:
        return []
    limit = ", its limit: the rest of the gap stays" if moved["at_limit"] else ""
    rows = [
        f"{row['source']}: measured {show(row['measured_s'], 'time', 4)}, simulated "
        f"{signed(row['before_s'] / row['measured_s'] - 1)}, now {signed(row['after_s'] / row['measured_s'] - 1)}"
        for row in moved["rows"]
    ]
    head = f"Anchored: kernel level {moved['before']:.3f} -> {moved['after']:.3f}{limit}"
    return [*wrapped(head), *(line for row in rows for line in wrapped(row, "  ", "  "))]
