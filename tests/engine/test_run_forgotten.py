"""A run that is over leaves nothing behind that only a collector of garbage would find."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from sim.engine.plain.run import PlainRun
from sim.engine.run import RunSimulation
from sim.ledger.time.trace import RunTrace
from sim.scenario import load_scenario
from sim.simulate import prepare, simulate_prepared
from tests.engine.run_cases import llama_plan


@pytest.fixture
def uncollected() -> Iterator[Callable[[], int]]:
    """Nothing is collected, but when this is called, which says how many objects were."""
    gc.collect()
    gc.disable()
    yield gc.collect
    gc.enable()


@pytest.mark.parametrize(
    "made", [lambda plan: PlainRun(plan), lambda plan: RunSimulation(plan, "dormant", explicit=False)]
)
def test_a_run_takes_its_parts_apart(
    made: Callable[..., PlainRun | RunSimulation], uncollected: Callable[[], int]
) -> None:
    made(llama_plan(seed=1)).trace()  # what is loaded the first time is another matter
    uncollected()
    trace: RunTrace = made(llama_plan(seed=2)).trace()
    assert uncollected() == 0
    assert len(trace.events) > 1000


def test_a_run_with_slow_nodes_leaves_what_times_its_steps_as_it_was(uncollected: Callable[[], int]) -> None:
    prepared = prepare(load_scenario("tiny", [*SLOW]))
    one, again = (simulate_prepared(replace(prepared, scenario=replace(prepared.scenario, seed=3))) for _ in range(2))
    assert one.trace == again.trace
    assert one.damaged
    uncollected()
    simulate_prepared(prepared)
    assert uncollected() < 40


SLOW = (
    'failures.causes=[{component="gpu",name="slow",kind="exponential",mean="5 d",slow=1.2}]',
    "recovery.detect_by_cause={}",
    'recovery.stragglers={threshold=1.1,delay="1 h"}',
)
