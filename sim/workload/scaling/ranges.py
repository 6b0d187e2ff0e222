"""Whether a law is used within the ranges that it was fitted on, in words."""

from sim.workload.scaling.records import PLAIN, Law, Range, Setting
from sim.workload.scaling.solve import training_flop


def beyond(law: Law, parameters: float, tokens: float, setting: Setting = PLAIN) -> str:
    """Return one line that says how far outside its fitted ranges a law is used, or nothing.

    >>> from sim.workload.scaling.load import law
    >>> beyond(law("chinchilla-2022"), 70e9, 1.4e12)
    'law chinchilla-2022 is used beyond its fit: parameters 4.33 x its most of 1.62e+10, tokens 2.8 x its most of \
5e+11, FLOP 196 x its most of 3e+21'
    >>> beyond(law("chinchilla-2022"), 1e9, 2e10)
    ''
    """
    asked = {
        "parameters": (parameters, law.parameters),
        "tokens": (tokens, law.tokens),
        "FLOP": (training_flop(parameters, tokens), law.flop),
        "experts": (setting.experts, law.experts),
    }
    outside = [words for name, (value, known) in asked.items() if (words := _outside(name, value, known))]
    return f"law {law.name} is used beyond its fit: {', '.join(outside)}" if outside else ""


def _outside(name: str, value: float, known: Range) -> str:
    low, high = known
    if value > high:
        return f"{name} {_ratio(value / high)} x its most of {high:.3g}"
    return f"{name} {_ratio(low / value)} x below its least of {low:.3g}" if value < low else ""


def _ratio(value: float) -> str:
    """Return a ratio in three digits.

    >>> _ratio(21_512.0), _ratio(4.3251)
    ('21,500', '4.33')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"
