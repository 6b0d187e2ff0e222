"""The clock takes integers only, and orders what happens at one instant by rule."""

import numpy as np
import pytest

from sim.engine.clock import IntegerEnvironment, afterwards, last, late, on_event, timeout
from sim.errors import SimulationError


@pytest.mark.parametrize("delay", [1.0, float("nan"), np.int64(3), -1, True])
def test_a_delay_that_is_no_integer_of_zero_or_more_is_refused(delay: object) -> None:
    env = IntegerEnvironment()
    with pytest.raises(SimulationError, match="integer"):
        timeout(env, delay)  # type: ignore[arg-type]
    with pytest.raises(SimulationError, match="integer"):
        late(env, delay)  # type: ignore[arg-type]


def test_at_one_instant_what_is_finished_comes_before_failures_whatever_the_order_of_scheduling() -> None:
    env = IntegerEnvironment()
    seen: list[str] = []

    def failed() -> None:
        seen.append("failure")
        on_event(last(env), lambda _: seen.append("last"))
        on_event(timeout(env, 0), lambda _: seen.append("at once"))

    on_event(afterwards(env), lambda _: seen.append("afterwards at 0"))
    on_event(late(env, 5), lambda _: failed())
    on_event(timeout(env, 5), lambda _: seen.append("finished"))
    env.run()
    assert seen == ["afterwards at 0", "finished", "failure", "at once", "last"]
    assert env.now == 5
    assert type(env.now) is int
