"""Anchoring: measured step times move the kernel level, visibly and within limits, and what-ifs follow."""

from dataclasses import replace
from pathlib import Path

import pytest

from sim.errors import DoesNotFitError, InputError, ScenarioError
from sim.scenario import Scenario, load_scenario
from sim.scenario.anchor import LIMITS, anchored, at_level
from sim.scenario.records import Anchor
from sim.simulate import simulate_step_of

JOB = """
extends = "tiny"
name = "my-job"
[calibration]
anchor = "anchor.toml"
"""


def written(tmp_path: Path, anchor: str, job: str = JOB) -> str:
    (tmp_path / "job.toml").write_text(job)
    (tmp_path / "anchor.toml").write_text(anchor)
    return str(tmp_path / "job.toml")


def measured(step_time: str, *more: str) -> str:
    return "\n".join(["[[measured]]", f'step_time = "{step_time}"', 'source = "our job"', *more])


def with_anchors(*step_times: float) -> Scenario:
    plain = at_level(load_scenario("tiny"), 1.0)
    anchors = tuple(Anchor(scenario=plain, step_time_s=time_s, source="x") for time_s in step_times)
    return replace(plain, anchors=anchors)


def half_kernels(level_of: Scenario) -> float:
    """A step of one second of kernels at level 1, and one of other things."""
    assert level_of.training is not None
    return 1.0 + 1.0 / level_of.training.software.kernel_level


def level(scenario: Scenario) -> float:
    assert scenario.training is not None
    return scenario.training.software.kernel_level


def test_the_level_makes_the_mean_log_error_vanish() -> None:
    # 1 + 1 / level = 2.1 at a level of 1 / 1.1.
    after, moved = anchored(with_anchors(2.1), lambda _: half_kernels)
    assert moved is not None
    assert level(after) == pytest.approx(1 / 1.1, rel=1e-3)
    assert moved.rows[0].after_s == pytest.approx(2.1, rel=1e-4)
    assert (moved.before, moved.at_limit) == (1.0, False)


def test_several_anchors_share_one_level() -> None:
    after, moved = anchored(with_anchors(1.9, 2.3), lambda _: half_kernels)
    assert moved is not None
    assert half_kernels(after) == pytest.approx((1.9 * 2.3) ** 0.5, rel=1e-4)


@pytest.mark.parametrize(("step_time_s", "limit"), [(20.0, LIMITS[0]), (0.2, LIMITS[1])])
def test_a_level_stays_within_its_limits_and_says_so(step_time_s: float, limit: float) -> None:
    after, moved = anchored(with_anchors(step_time_s), lambda _: half_kernels)
    assert moved is not None
    assert (level(after), moved.at_limit) == (limit, True)


def test_without_anchors_nothing_moves() -> None:
    plain = load_scenario("tiny")
    assert anchored(plain, lambda _: half_kernels) == (plain, None)


def test_an_anchored_step_takes_what_was_measured_and_its_what_ifs_follow(tmp_path: Path) -> None:
    plain = simulate_step_of(load_scenario("tiny")).profile.step_time_s
    path = written(tmp_path, measured(f"{1.05 * plain * 1e3} ms"))
    result = simulate_step_of(load_scenario(path))
    assert result.profile.step_time_s == pytest.approx(1.05 * plain, rel=1e-3)
    assert result.anchoring is not None
    other = simulate_step_of(load_scenario(path, ["training.recompute=full"]))
    # What is asked beside it does not move the anchor.
    assert other.anchoring == result.anchoring
    assert other.profile.step_time_s > 1.1 * result.profile.step_time_s


def test_an_anchor_can_be_another_job(tmp_path: Path) -> None:
    path = written(tmp_path, measured("1 s", 'scenario = "tiny"', 'overrides = ["training.micro_batch=1"]'))
    (anchor,) = load_scenario(path).anchors
    assert anchor.scenario.training is not None
    assert anchor.scenario.training.phases[0].batch.micro_batch == 1
    assert anchor.scenario.anchors == ()


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("", "measured: is missing"),
        ("[[measured]]\nsource = 'x'", "measured.0.step_time: is missing"),
        (measured("fast"), "measured.0.step_time"),
        (measured("1 s", "overides = []"), "did you mean 'overrides'?"),
        (measured("1 s", 'scenario = "tny"'), "did you mean 'tiny'?"),
        (measured("1 s", 'overrides = ["training.global_batch=0"]'), "measured.0: training.global_batch"),
        (measured("1 s", 'overrides = ["fast"]'), "measured.0: overrides: fast: expected dotted.key=value"),
        ("[[measured", "is not valid TOML"),
    ],
)
def test_a_bad_anchor_file_is_one_line_with_the_place(tmp_path: Path, anchor: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(written(tmp_path, anchor))
    assert expected in str(caught.value)
    assert "calibration.anchor" in str(caught.value)


def test_a_missing_anchor_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    (tmp_path / "anchor.toml").unlink()
    with pytest.raises(InputError, match="no such file"):
        load_scenario(path)


def test_an_anchor_that_does_not_fit_is_named(tmp_path: Path) -> None:
    """What does not fit is the anchor's job, not the one that is asked for."""
    anchor = measured("1 s", 'overrides = ["training.sequence_length=1048576"]')
    scenario = load_scenario(written(tmp_path, anchor))
    with pytest.raises(DoesNotFitError, match=r"^calibration\.anchor: 'our job': parallelism: the model does not fit"):
        simulate_step_of(scenario)


def test_another_stack_says_nothing_of_this_one() -> None:
    plain = load_scenario("tiny")
    other = load_scenario("tiny", ["training.software=megatron-2021"])
    scenario = replace(plain, anchors=(Anchor(scenario=other, step_time_s=1.0, source="old job"),))
    with pytest.raises(ScenarioError, match="'old job' was measured with megatron-2021"):
        anchored(scenario, lambda _: half_kernels)


def test_a_level_stretches_kernels_only() -> None:
    plain = load_scenario("tiny")
    one, slower = (simulate_step_of(each).built.plan for each in (plain, at_level(plain, 0.5)))
    assert slower.boundary_ns == one.boundary_ns
    assert slower.forward[0][0].duration_ns > 1.5 * one.forward[0][0].duration_ns
