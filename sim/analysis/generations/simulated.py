"""The runs that a generation is made of: a few seeds under a few rates of failure, on one prepared job."""

from dataclasses import dataclass, replace
from math import ceil

from sim.analysis.sensitivity.knobs import failure_rate
from sim.catalog.records import PriceBook
from sim.ledger.bill.terms import Terms
from sim.ledger.bill.usage import Usage
from sim.scenario import Scenario, load_scenario
from sim.simulate import Prepared, prepare, simulate_prepared

SCALES = (0.36, 1.0, 1.67, 2.78)
"""Rates of failure that are simulated, over those of the scenario: the band of the input, and two within."""

SEEDS = 2
"""Seeds of each rate."""

WINDOW_GPU_S = 3e6 * 86_400.0
"""GPU-time of a run of one phase, by which failures are a thousand or so; what is longer is stretched to its tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run: its seed and rate of failure, what it used, and by how much to stretch that to all its tokens."""

    scale: float
    seed: int
    usage: Usage
    stretch: float
    job_share: float
    goodput: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A generation by its runs, and its scenario. flop: of the model, for all tokens; step_mfu: of the main step."""

    scenario: Scenario
    points: tuple[Point, ...]
    flop: float
    peak_flops_per_s: float
    step_mfu: float

    @property
    def prices(self) -> PriceBook:
        """The book that the scenario is priced by."""
        assert self.scenario.billing is not None, "a generation is billed"
        return self.scenario.billing.prices

    @property
    def terms(self) -> Terms:
        """The terms that the scenario is paid under."""
        assert self.scenario.billing is not None, "a generation is billed"
        return self.scenario.billing.terms


def simulated(preset: str, overrides: tuple[str, ...] = (), allow_plugins: bool = False) -> Simulated:
    """Return a preset's runs: every rate of failure under every seed, on the job as it is prepared once.

    A run of one phase ends at its tokens or after 3 million GPU-days; then its use is stretched by tokens asked over
    tokens retained. Assumptions: the job is in its steady state by then; speeds of GPUs and hashed routes, which a seed
    draws too, are those of the scenario's own seed; where more fails, as many more crews repair. Raises InputError,
    SimulationError.
    """
    scenario = windowed(load_scenario(preset, overrides))
    prepared = prepare(scenario, allow_plugins=allow_plugins)
    training, tokens = scenario.training, scenario.tokens
    assert training is not None and tokens is not None, "a generation trains a model to its tokens"
    points = [point_at(prepared, scale, scenario.seed + number) for scale in SCALES for number in range(SEEDS)]
    flop = sum(
        step.profile.model_flops * (phase.tokens or 0) / step.profile.tokens
        for step, phase in zip(prepared.steps, training.phases, strict=True)
    )
    longest = max(zip(prepared.steps, training.phases, strict=True), key=lambda pair: pair[1].tokens or 0)[0].profile
    per_s = longest.model_flops / (longest.step_time_ns * 1e-9)
    return Simulated(
        scenario=scenario,
        points=tuple(points),
        flop=flop,
        peak_flops_per_s=longest.peak_flops_per_s,
        step_mfu=per_s / (longest.gpus * longest.peak_flops_per_s),
    )


def windowed(scenario: Scenario) -> Scenario:
    """Return a scenario of one phase with the horizon of the window, unless its own comes before."""
    if scenario.training is None or len(scenario.training.phases) > 1:
        return scenario
    window_s = WINDOW_GPU_S / scenario.machines.gpus
    own_s = scenario.limits.horizon_s
    return replace(scenario, limits=replace(scenario.limits, horizon_s=min(window_s, own_s or window_s)))


def point_at(prepared: Prepared, scale: float, seed: int) -> Point:
    """Return the run of a prepared job under a seed, where everything fails `scale` times as often."""
    scenario = failure_rate(prepared.scenario, scale)
    repair = scenario.repair and replace(scenario.repair, crews=ceil(scenario.repair.crews * scale))
    run = simulate_prepared(replace(prepared, scenario=replace(scenario, repair=repair, seed=seed), held={}))
    usage, summary, tokens = run.usage, run.summary, scenario.tokens
    assert usage is not None and tokens is not None and summary.tokens, "a generation is billed, and gets on"
    return Point(
        scale=scale,
        seed=seed,
        usage=usage,
        stretch=1.0 if summary.complete else tokens / summary.tokens,
        job_share=summary.job_gpu_hours / summary.gpu_hours,
        goodput=summary.goodput,
    )


def weights(scale: float) -> tuple[tuple[float, float], ...]:
    """Return the simulated rates beside an asked one, and the weight of each: linear in the rate.

    Beyond the outermost the nearest counts.

    >>> weights(1.0), weights(5.0)
    (((1.0, 1.0),), ((2.78, 1.0),))
    """
    if scale in SCALES or scale <= SCALES[0] or scale >= SCALES[-1]:
        return ((min(SCALES, key=lambda known: abs(known - scale)), 1.0),)
    upper = next(index for index, known in enumerate(SCALES) if known > scale)
    low, high = SCALES[upper - 1], SCALES[upper]
    share = (scale - low) / (high - low)
    return ((low, 1 - share), (high, share))
