"""From what a user writes to a question; what is wrong is said by its option."""

from collections.abc import Sequence
from math import isfinite

from sim import catalog
from sim.analysis.plan.records import Question
from sim.catalog.records import Model
from sim.errors import InputError, unknown_name
from sim.quantities import parse
from sim.workload.scaling.load import law as law_of
from sim.workload.scaling.records import Setting

MOST_GPUS = 1 << 20

GENERATIONS = ("dgx-1-v100", "dgx-a100", "dgx-h100", "dgx-b200")
"""Nodes of one maker, in the order in which they came; a plan compares the last two that its book prices."""


def question_of(
    *,
    base: str,
    overrides: Sequence[str] = (),
    budget: str | None = None,
    deadline: str | None = None,
    loss: float | None = None,
    power_cap: str | None = None,
    gpus: int | None = None,
    model: str | None = None,
    tokens: float | None = None,
    nodes: Sequence[str] = (),
    prices: str,
    law: str,
    efficiency: float = 1.0,
    unique_tokens: float | None = None,
    seeds: int = 3,
) -> Question:
    """Return a question. Raises InputError that names the option, UnknownNameError with the nearest name.

    >>> asked = question_of(base="tiny", budget="1e6", deadline="90 d", nodes=["dgx-h100"], prices="2026-rented",
    ...     law="chinchilla-2024")
    >>> asked.budget_usd, asked.deadline_s
    (1000000.0, 7776000.0)
    """
    _known(prices, "price-book", "--prices")
    nodes = nodes or _priced(prices)
    for name in nodes:
        _known(name, "node", "--node")
    _check_gpus(gpus, nodes)
    return Question(
        base=base,
        overrides=tuple(overrides),
        budget_usd=None if budget is None else _money(budget),
        deadline_s=None if deadline is None else _positive(parse(deadline, "time", "--deadline"), "--deadline"),
        loss=None if loss is None else _positive(loss, "--loss"),
        power_cap_w=None if power_cap is None else _positive(parse(power_cap, "power", "--power-cap"), "--power-cap"),
        gpus=gpus,
        model=None if model is None else _model(model),
        tokens=None if tokens is None else _positive(tokens, "--tokens"),
        nodes=tuple(dict.fromkeys(nodes)),
        book=prices,
        law=law_of(law),
        setting=Setting(
            efficiency=_positive(efficiency, "--efficiency"),
            unique_tokens=None if unique_tokens is None else _positive(unique_tokens, "--unique-tokens"),
        ),
        seeds=seeds,
    )


def _priced(book: str) -> tuple[str, ...]:
    """Return the last two generations of nodes that a book prices.

    >>> _priced("2026-rented"), _priced("2023-rented")
    (('dgx-h100', 'dgx-b200'), ('dgx-a100', 'dgx-h100'))
    """
    prices = catalog.price_book(book).prices
    kind = "server" if book.endswith("-owned") else "rent-on-demand"
    return tuple(name for name in GENERATIONS if f"{kind}/{name}" in prices)[-2:]


def _known(name: str, kind: str, option: str) -> None:
    if name not in catalog.names(kind):
        raise unknown_name(kind.replace("-", " "), name, catalog.names(kind), option)


def _model(name: str) -> Model:
    _known(name, "model", "--model")
    return catalog.model(name)


def _money(text: str) -> float:
    """Return dollars, with or without their unit.

    >>> _money("1.03e9"), _money("5e6 USD")
    (1030000000.0, 5000000.0)
    """
    plain = text.replace(",", "").removeprefix("$")
    return _positive(parse(plain if plain.endswith("USD") else f"{plain} USD", "money", "--budget"), "--budget")


def _positive(value: float, option: str) -> float:
    if not isfinite(value) or value <= 0:
        raise InputError(f"{option}: got {value:g}, expected a finite number above 0")
    return value


def _check_gpus(gpus: int | None, nodes: Sequence[str]) -> None:
    """Refuse GPUs that are no whole nodes of every kind, and more than can be simulated."""
    if gpus is None:
        return
    if gpus > MOST_GPUS:
        raise InputError(f"--gpus: got {gpus:,}, expected at most {MOST_GPUS:,}")
    for name in nodes:
        each = catalog.node(name).accelerators
        if gpus % each:
            down = gpus // each * each
            nearest = " or ".join(f"{size:,}" for size in (down, down + each) if size)
            got = f"got {gpus:,}, no whole nodes of {each} GPUs ({name})"
            raise InputError(f"--gpus: {got}; nearest that are: {nearest}")
