"""Forms of scaling laws: the loss at (parameters, tokens), and the best split of a compute of 6 N D FLOP.

| form             | loss                                                                                   |
|------------------|----------------------------------------------------------------------------------------|
| additive         | E + A / N^alpha + B / D^beta (Hoffmann et al., arXiv 2203.15556, equation 2)            |
| joint-power      | ((N_c / N)^(a_N / a_D) + D_c / D)^a_D (Kaplan et al., arXiv 2001.08361, equation 1.5)   |
| joint-moe        | a E^d N^(al + g ln E) + b E^w D^(be + z ln E) + c (arXiv 2502.05172, equation 6)        |
| data-constrained | additive in N' and D', which repetitions make smaller (arXiv 2305.16264, equation 5)    |
| allocation       | none: only how many tokens are best, D = D_opt C^D_exponent                             |
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log

from sim.workload.scaling.records import Setting

Constants = Mapping[str, float]
Loss = Callable[[Constants, float, float, Setting], float]
Split = Callable[[Constants, float, Setting], tuple[float, float]]

FLOP_PER_WEIGHT = 6.0
"""Forward and backward FLOP of a weight and token (Kaplan et al., arXiv 2001.08361, section 2.1)."""

PFLOP_DAY = 1e15 * 86400
"""FLOP of a petaFLOP/s in a day, the unit of compute of Kaplan et al."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form: the constants it takes, its loss (None: it has none), and its best split of a compute."""

    constants: tuple[str, ...]
    loss: Loss | None
    split: Split


def additive_loss(k: Constants, parameters: float, tokens: float, _: Setting) -> float:
    """Return E + A / N^alpha + B / D^beta.

    >>> k = {"E": 1.0, "A": 10.0, "alpha": 0.5, "B": 10.0, "beta": 1.0}
    >>> additive_loss(k, 100.0, 10.0, Setting())
    3.0
    """
    loss: float = k["E"] + k["A"] / parameters ** k["alpha"] + k["B"] / tokens ** k["beta"]
    return loss


def additive_split(k: Constants, flop: float, _: Setting) -> tuple[float, float]:
    """Return N = G (C / 6)^(beta / (alpha + beta)), D = C / 6 N; G = (alpha A / beta B)^(1 / (alpha + beta)).

    Hoffmann et al., arXiv 2203.15556, equation 4.

    >>> k = {"E": 0.0, "A": 2.0, "alpha": 0.5, "B": 2.0, "beta": 0.5}
    >>> additive_split(k, 600.0, Setting())
    (10.0, 10.0)
    """
    both = k["alpha"] + k["beta"]
    ratio = (k["alpha"] * k["A"] / (k["beta"] * k["B"])) ** (1 / both)
    parameters = ratio * (flop / FLOP_PER_WEIGHT) ** (k["beta"] / both)
    return parameters, flop / (FLOP_PER_WEIGHT * parameters)


def joint_power_loss(k: Constants, parameters: float, tokens: float, _: Setting) -> float:
    """Return ((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D.

    >>> joint_power_loss({"N_c": 8.0, "alpha_N": 0.5, "D_c": 2.0, "alpha_D": 0.5}, 4.0, 1.0, Setting())
    2.0
    """
    ratio: float = (k["N_c"] / parameters) ** (k["alpha_N"] / k["alpha_D"]) + k["D_c"] / tokens
    loss: float = ratio ** k["alpha_D"]
    return loss


def joint_power_split(k: Constants, flop: float, _: Setting) -> tuple[float, float]:
    """Return the published N = N_opt C^N_exponent, C in PFLOP-days, which stops long before convergence; D = C / 6 N.

    >>> joint_power_split({"N_opt": 1e9, "N_exponent": 0.73}, 8.64e19, Setting())
    (1000000000.0, 14400000000.0)
    """
    parameters = k["N_opt"] * (flop / PFLOP_DAY) ** k["N_exponent"]
    return parameters, flop / (FLOP_PER_WEIGHT * parameters)


def allocation_split(k: Constants, flop: float, _: Setting) -> tuple[float, float]:
    """Return N = C / 6 D with D = D_opt C^D_exponent.

    >>> allocation_split({"D_opt": 1.0, "D_exponent": 0.5}, 36e18, Setting())
    (1000000000.0, 6000000000.0)
    """
    tokens = k["D_opt"] * flop ** k["D_exponent"]
    return flop / (FLOP_PER_WEIGHT * tokens), tokens


def of_experts(k: Constants, experts: float) -> Constants:
    """Return the additive law that the joint one is for a number of experts.

    1 / E' = 1 / (E - 1 + 1 / (1 / E_start - 1 / E_max)) + 1 / E_max (arXiv 2502.05172, equation 6); table 4 there has
    a = 30.364 and exponents 0.1817 and 0.1965 for one expert.
    """
    least = 1 / (1 / k["E_start"] - 1 / k["E_max"])
    seen = 1 / (1 / (experts - 1 + least) + 1 / k["E_max"])
    return {
        "E": k["c"],
        "A": k["a"] * seen ** k["delta"],
        "alpha": -(k["alpha"] + k["gamma"] * log(seen)),
        "B": k["b"] * seen ** k["omega"],
        "beta": -(k["beta"] + k["zeta"] * log(seen)),
    }


def _moe_loss(k: Constants, parameters: float, tokens: float, setting: Setting) -> float:
    return additive_loss(of_experts(k, setting.experts), parameters, tokens, setting)


def _moe_split(k: Constants, flop: float, setting: Setting) -> tuple[float, float]:
    return additive_split(of_experts(k, setting.experts), flop, setting)


def worth(unique: float, seen: float, half: float) -> float:
    """Return what `seen` are worth of which `unique` are new: U + U R* (1 - e^(-R / R*)), R = seen / unique - 1.

    Repetition is worth nothing in the end (arXiv 2305.16264, equation 5): at most 1 + R* times the unique.

    >>> worth(100.0, 50.0, 15.0), round(worth(100.0, 400.0, 15.0))
    (50.0, 372)
    """
    if seen <= unique:
        return seen
    return unique * (1 + half * (1 - exp(-(seen / unique - 1) / half)))


def constrained_loss(k: Constants, parameters: float, tokens: float, setting: Setting) -> float:
    """Return the additive loss of what parameters and tokens are worth where tokens repeat.

    Parameters beyond those that are best for the unique tokens are worth less too (arXiv 2305.16264, section 3.1).
    """
    unique = setting.unique_tokens
    if unique is None or tokens <= unique:
        return additive_loss(k, parameters, tokens, setting)
    best = _parameters_for(k, unique)
    return additive_loss(k, worth(best, parameters, k["R_N"]), worth(unique, tokens, k["R_D"]), setting)


def _parameters_for(k: Constants, tokens: float) -> float:
    """Return the parameters for which so many tokens are best: alpha A / N^alpha = beta B / D^beta."""
    inner: float = k["alpha"] * k["A"] / (k["beta"] * k["B"]) * tokens ** k["beta"]
    parameters: float = inner ** (1 / k["alpha"])
    return parameters


def constrained_split(k: Constants, flop: float, setting: Setting) -> tuple[float, float]:
    """Return the split of least loss, found by golden section where tokens have to repeat."""
    parameters, tokens = additive_split(k, flop, setting)
    if setting.unique_tokens is None or tokens <= setting.unique_tokens:
        return parameters, tokens

    def loss(log_parameters: float) -> float:
        n = exp(log_parameters)
        return constrained_loss(k, n, flop / (FLOP_PER_WEIGHT * n), setting)

    best = exp(_lowest(loss, log(parameters) - 7, log(parameters) + 7))
    return best, flop / (FLOP_PER_WEIGHT * best)


def _lowest(of: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function with one valley is lowest, to 1e-9 of the range."""
    golden = (5**0.5 - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if of(left) <= of(right) else (left, high)
    return (low + high) / 2


_ADDITIVE = ("E", "A", "alpha", "B", "beta")
_MOE = ("a", "alpha", "delta", "gamma", "b", "beta", "omega", "zeta", "E_start", "E_max", "c")

FORMS: Mapping[str, Form] = {
    "additive": Form(constants=_ADDITIVE, loss=additive_loss, split=additive_split),
    "joint-power": Form(
        constants=("N_c", "alpha_N", "D_c", "alpha_D", "N_opt", "N_exponent"),
        loss=joint_power_loss,
        split=joint_power_split,
    ),
    "joint-moe": Form(constants=_MOE, loss=_moe_loss, split=_moe_split),
    "data-constrained": Form(constants=(*_ADDITIVE, "R_D", "R_N"), loss=constrained_loss, split=constrained_split),
    "allocation": Form(constants=("D_opt", "D_exponent"), loss=None, split=allocation_split),
}
"""Forms by name; add one here."""
