"""The waiting point of the job: who comes first at an instant, and what a wait that is put off costs."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sim.engine.clock import Call, IntegerEnvironment, after
from sim.engine.jobs.waiting import State, Waiting


class Bench:
    """A waiting point alone; `told` says what happened when."""

    def __init__(self, horizon_us: int | None = None) -> None:
        self.env = IntegerEnvironment()
        record = SimpleNamespace(plan=SimpleNamespace(horizon_us=horizon_us))
        self.waiting = Waiting(self.env, cast(Any, record), cast(Any, None))
        self.told: list[tuple[int, str]] = []

    def tell(self, what: str, state: State | None = None) -> State:
        """Return a state that tells, followed by another."""

        def told() -> State | None:
            self.told.append((self.env.now, what))
            return state

        return told

    def at(self, time_us: int, what: str) -> None:
        """Tell something at a time."""
        after(self.env, time_us - self.env.now, lambda _: self.told.append((self.env.now, what)))

    def ring_at(self, time_us: int) -> None:
        after(self.env, time_us - self.env.now, lambda _: self.waiting.ring())


@pytest.mark.parametrize("name", ["until", "until_put_off"])
def test_what_is_waited_for_first_comes_first(name: str) -> None:
    bench = Bench()
    bench.at(10, "before")
    getattr(bench.waiting, name)(10, bench.tell("job", bench.tell("next")))
    bench.at(10, "after")
    bench.env.run()
    assert bench.told == [(10, "before"), (10, "job"), (10, "next"), (10, "after")]


@pytest.mark.parametrize("name", ["until", "until_put_off"])
def test_a_wait_that_is_put_off_has_the_turn_of_when_it_was(name: str) -> None:
    bench = Bench()
    wait = getattr(bench.waiting, name)

    def again() -> None:
        bench.at(20, "before")
        wait(20, bench.tell("job"))
        bench.at(20, "after")

    wait(10, again)
    bench.ring_at(5)
    bench.at(10, "meanwhile")
    bench.env.run()
    assert bench.told == [(10, "meanwhile"), (20, "before"), (20, "job"), (20, "after")]


@pytest.mark.parametrize("name", ["until", "until_put_off"])
def test_a_wait_may_be_brought_forward(name: str) -> None:
    bench = Bench()
    wait = getattr(bench.waiting, name)
    wait(30, lambda: wait(20, bench.tell("job")))
    bench.ring_at(5)
    bench.env.run()
    assert bench.told == [(20, "job")]


def test_many_waits_that_are_put_off_keep_one_event() -> None:
    bench = Bench()

    def put_off() -> None:
        bench.waiting.until_put_off(1000 + bench.env.now, put_off)

    put_off()
    for time_us in range(1, 100):
        bench.ring_at(time_us)
    bench.env.run(until=500)
    assert sum(isinstance(event, Call) for *_, event in bench.env._queue) == 1


def test_nothing_is_waited_for_beyond_the_horizon() -> None:
    bench = Bench(horizon_us=10)
    bench.waiting.until_put_off(10, bench.tell("job"))
    bench.env.run()
    assert bench.told == []
    bench.waiting.ring()
    bench.waiting.ring()
    bench.env.run()
    assert bench.told == [(0, "job")]


def test_what_wakes_the_job_waits_for_what_is_still_to_finish() -> None:
    bench = Bench()
    bench.waiting.until(10, bench.tell("job"))

    def breaks(_: object) -> None:
        bench.at(5, "finishes")
        bench.waiting.wake()
        bench.told.append((bench.env.now, "told"))

    after(bench.env, 5, breaks)
    bench.env.run()
    assert bench.told == [(5, "told"), (5, "finishes"), (5, "job")]


def test_what_wakes_the_job_with_nothing_pending_wakes_it_at_once() -> None:
    bench = Bench()
    bench.waiting.until(10, bench.tell("job"))
    after(bench.env, 5, lambda _: bench.waiting.wake())
    bench.env.run()
    assert bench.told == [(5, "job")]
