"""How long a run may take at most: what would happen later does not matter, and a run that makes no way is given up."""

import simpy

from sim.engine.clock import on_event, timeout
from sim.errors import SimulationError
from sim.reliability.failures.laws import MAX_US
from sim.reliability.plan import planned_us
from sim.reliability.records import RunPlan

# A run without a horizon that takes so many times its planned time never ends.
_HOPELESS = 50


def limit_us(plan: RunPlan) -> int:
    """Return when a run ends at the latest, one way or the other."""
    return plan.horizon_us or min(_HOPELESS * planned_us(plan), MAX_US)


def gives_up(env: simpy.Environment, plan: RunPlan) -> None:
    """Have a run without a horizon given up, by a SimulationError, when its limit has come."""

    def give_up(_: simpy.Event) -> None:
        raise SimulationError(
            f"run: not complete after {_HOPELESS} times its planned {planned_us(plan) / 3.6e9:.1f} h; failures "
            "undo its work faster than checkpoints save it. Expected a horizon, or a plan that makes way"
        )

    on_event(timeout(env, limit_us(plan)), give_up)


def reach_us(plan: RunPlan) -> int:
    """Return until when first lives are turned into times at first: a clock that rests with the job hardly goes beyond.

    What it gives is a guess that costs time where it is wrong, and changes nothing else.
    """
    whole_us = planned_us(plan)
    return whole_us + whole_us // 8 if plan.failure_clock == "operating" else 2 * whole_us
