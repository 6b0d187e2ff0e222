"""The step of each phase of training, on the machine of a scenario: with all replicas, and with fewer."""

from sim.steps.phase import (
    StepResult,
    build_on,
    build_phase,
    main_phase,
    ranks_of,
    simulate_phase,
    simulate_step_of,
    step_time_of,
)

__all__ = (
    "StepResult",
    "build_on",
    "build_phase",
    "main_phase",
    "ranks_of",
    "simulate_phase",
    "simulate_step_of",
    "step_time_of",
)
