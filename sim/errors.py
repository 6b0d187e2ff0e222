"""The exception tree.

TrainwrightError
├── InputError              what a user wrote cannot be used (exit code 2)
│   ├── UnknownNameError    a name, key or kind that does not exist; names the nearest
│   ├── UnitError           a quantity without a unit, or with one of the wrong dimension
│   ├── ScenarioError       keys that are each valid but do not fit together
│   ├── LayoutError         a parallel layout that does not fit the model or the GPUs
│   ├── DoesNotFitError     a model that exceeds the memory of its accelerators
│   ├── TopologyError       a graph that breaks the contract, or cannot be built
│   ├── PriceError          a price book that lacks, or misstates, what is to be priced
│   └── OutputError         a path that cannot be written, or exists already
└── SimulationError         a run failed although its input was valid (exit code 1)

Every exception takes one positional message: SimPy rebuilds exceptions from their arguments.
"""

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 12
"""So many known names an error lists."""


class TrainwrightError(Exception):
    """Root of everything that Trainwright raises on purpose."""


class InputError(TrainwrightError):
    """What a user wrote cannot be used."""


class UnknownNameError(InputError):
    """A name, key or kind that does not exist."""


class UnitError(InputError):
    """A quantity without a unit, or with one of the wrong dimension."""


class ScenarioError(InputError):
    """Keys that are each valid but do not fit together."""


class LayoutError(InputError):
    """A parallel layout that does not fit the model or the GPUs."""


class DoesNotFitError(InputError):
    """A model that exceeds the memory of its accelerators."""


class TopologyError(InputError):
    """A graph that breaks the contract, or cannot be built."""


class PriceError(InputError):
    """A price book that lacks, or misstates, what is to be priced."""


class OutputError(InputError):
    """A path that cannot be written, or exists already."""


class SimulationError(TrainwrightError):
    """A run failed although its input was valid."""


def unknown_name(what: str, got: str, known: Iterable[str], where: str = "") -> UnknownNameError:
    """Return the error for an unknown name, with the nearest known one.

    >>> print(unknown_name("topology kind", "fat-tre", ["fat-tree", "torus"], "cluster.topology.kind"))
    cluster.topology.kind: unknown topology kind 'fat-tre'; did you mean 'fat-tree'? Known: fat-tree, torus
    >>> print(unknown_name("accelerator", "h100", ["b100", "h100-sxm"]))
    unknown accelerator 'h100'; did you mean 'h100-sxm'? Known: b100, h100-sxm
    """
    names = sorted(known)
    listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    folded = {name.casefold(): name for name in names}
    short = got.casefold()
    longer = sorted((name for name in folded if short and name.startswith(f"{short}-")), key=len)
    near = [folded[name] for name in (longer or get_close_matches(short, folded, n=1, cutoff=0.5))]
    hint = f"; did you mean '{near[0]}'?" if near else "."
    prefix = f"{where}: " if where else ""
    return UnknownNameError(f"{prefix}unknown {what} '{got}'{hint} Known: {listed}")
