"""Questions to a scaling law: the loss, the best split of a compute, and the inverse of both.

A FLOP that achieves `efficiency` times as much is a compute that many times larger, split alike: N and D enter the law
multiplied by its square root (a multiplier of compute, as in Ho et al., arXiv 2403.05812; how it divides is assumed).
"""

from collections.abc import Callable
from math import exp, log, sqrt

from sim.errors import InputError
from sim.workload.scaling.forms import FLOP_PER_WEIGHT, FORMS
from sim.workload.scaling.records import PLAIN, Law, Range, Setting

_LOGARITHMS: Range = (0.0, log(1e40))
"""Of what is looked for: parameters, tokens, FLOP."""


def loss_of(law: Law, parameters: float, tokens: float, setting: Setting = PLAIN) -> float:
    """Return the loss in nats a token; parameters as the law counts them.

    Chinchilla's own 70B on 1.4T tokens (Hoffmann et al., arXiv 2203.15556):

    >>> from sim.workload.scaling.load import law
    >>> round(loss_of(law("chinchilla-2022"), 70e9, 1.4e12), 3)
    1.937

    Raises InputError for a law without a loss, and for what this one does not know: experts, repeated tokens.
    """
    _check(law, setting)
    form = FORMS[law.form]
    if form.loss is None:
        raise InputError(f"--law {law.name}: gives no loss, only the best tokens for a compute; expected another law")
    scale = sqrt(setting.efficiency)
    return form.loss(law.constants, scale * parameters, scale * tokens, _scaled(setting))


def split_of(law: Law, flop: float, setting: Setting = PLAIN) -> tuple[float, float]:
    """Return the (parameters, tokens) of least loss for a compute of 6 N D FLOP.

    The square root of the efficiency divides both, which keeps 6 N D what it is.

    >>> from sim.workload.scaling.load import law
    >>> [f"{x:.3g}" for x in split_of(law("llama3-2024"), 3.8e25)]
    ['3.89e+11', '1.63e+13']
    """
    _check(law, setting)
    parameters, tokens = FORMS[law.form].split(law.constants, setting.efficiency * flop, _scaled(setting))
    scale = sqrt(setting.efficiency)
    return parameters / scale, tokens / scale


def flop_for_loss(law: Law, loss: float, setting: Setting = PLAIN) -> float:
    """Return the least compute that reaches a loss. Raises InputError for one that no compute reaches.

    >>> from sim.workload.scaling.load import law
    >>> chinchilla = law("chinchilla-2024")
    >>> n, d = split_of(chinchilla, 1e24)
    >>> f"{flop_for_loss(chinchilla, loss_of(chinchilla, n, d)):.6g}"
    '1e+24'
    """
    return _falling(lambda flop: loss_of(law, *split_of(law, flop, setting), setting), loss, f"--law {law.name}")


def tokens_for_loss(law: Law, parameters: float, loss: float, setting: Setting = PLAIN) -> float:
    """Return the tokens on which a model of so many parameters reaches a loss. Raises InputError if none do."""
    of = f"--law {law.name}: {parameters:.3g} parameters"
    return _falling(lambda tokens: loss_of(law, parameters, tokens, setting), loss, of)


def parameters_for_loss(law: Law, tokens: float, loss: float, setting: Setting = PLAIN) -> float:
    """Return the parameters that reach a loss on so many tokens. Raises InputError if none do."""
    of = f"--law {law.name}: {tokens:.3g} tokens"
    return _falling(lambda parameters: loss_of(law, parameters, tokens, setting), loss, of)


def training_flop(parameters: float, tokens: float) -> float:
    """Return 6 N D, the compute that scaling laws count.

    >>> training_flop(70e9, 1.4e12)
    5.88e+23
    """
    return FLOP_PER_WEIGHT * parameters * tokens


def _check(law: Law, setting: Setting) -> None:
    if setting.experts != 1 and law.form != "joint-moe":
        raise InputError(f"--law {law.name}: knows no experts, got {setting.experts:g}; expected joint-moe-2025")
    if setting.unique_tokens is not None and law.form != "data-constrained":
        raise InputError(
            f"--law {law.name}: takes every token as new; expected data-constrained-2023 for repeated ones"
        )


def _scaled(setting: Setting) -> Setting:
    """Return a setting whose unique tokens are as many as they are worth."""
    if setting.unique_tokens is None:
        return setting
    unique = sqrt(setting.efficiency) * setting.unique_tokens
    return Setting(efficiency=setting.efficiency, experts=setting.experts, unique_tokens=unique)


def _falling(of: Callable[[float], float], wanted: float, what: str) -> float:
    """Return where a falling function takes a value, by bisection to the last digits of its logarithm."""
    low, high = _LOGARITHMS
    if of(exp(high)) > wanted:
        raise InputError(f"{what}: none is enough for a loss of {wanted:g}; the limit is {of(exp(high)):.4g}")
    if of(exp(low)) < wanted:
        raise InputError(
            f"{what}: a loss of {wanted:g} takes next to no training; expected less than {of(exp(low)):.4g}"
        )
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if of(exp(middle)) > wanted else (low, middle)
    return exp(high)
