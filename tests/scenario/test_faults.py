"""Laws, causes, recovery, repair and checkpoints: what follows from the form, and what must be there together."""

from math import exp, log
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError, ScenarioError, UnknownNameError
from sim.reliability.records import Law
from sim.scenario import Scenario, scenario_of
from sim.scenario.laws import LawForm, law
from tests.scenario.trees import WITH_MODEL, WITHOUT_MODEL, changed

HOUR = 3600.0
JOB_CAUSE = {"component": "job", "name": "j", "kind": "exponential", "mean": "1 h"}


def resolved(tree: dict[str, Any] = WITHOUT_MODEL, /, **changes: Any) -> Scenario:
    return scenario_of(changed(tree, **changes), "file.toml")


def detect(value: Any) -> Law:
    recovery = resolved(recovery__detect=value).recovery
    assert recovery is not None
    return recovery.detect


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20 min", Law(kind="constant", mean_s=1200.0)),
        ("0 s", Law(kind="constant", mean_s=0.0)),
        ({"kind": "constant", "median": "1 h"}, Law(kind="constant", mean_s=HOUR)),
        ({"kind": "exponential", "mean": "1 h"}, Law(kind="exponential", mean_s=HOUR)),
        ({"kind": "weibull", "mean": "1 h", "shape": 0.7}, Law(kind="weibull", mean_s=HOUR, shape=0.7)),
        ({"kind": "uniform", "mean": "1 h", "shape": 0.5}, Law(kind="uniform", mean_s=HOUR, shape=0.5)),
        ({"kind": "uniform", "median": "1 h", "shape": 1}, Law(kind="uniform", mean_s=HOUR, shape=1.0)),
        ({"kind": "lognormal", "mean": "1 h", "shape": 2}, Law(kind="lognormal", mean_s=HOUR, shape=2.0)),
    ],
)
def test_a_duration_is_text_or_a_law(value: Any, expected: Law) -> None:
    assert detect(value) == expected


def test_a_lognormal_by_median_and_mean_has_the_published_sigma() -> None:
    # Restarts with a median of 222 s and a mean of 2,334 s: sigma = sqrt(2 ln(2334/222)) = 2.17.
    found = detect({"kind": "lognormal", "median": "222 s", "mean": "2334 s"})
    assert found.mean_s == 2334.0
    assert found.shape == pytest.approx(2.17, abs=0.005)


@given(median_s=st.floats(1, 1e6), shape=st.floats(0.3, 3))
def test_a_law_by_its_median_has_it(median_s: float, shape: float) -> None:
    median = f"{median_s!r} s"
    exponential = law(LawForm.model_validate({"kind": "exponential", "median": median}))
    assert exponential.mean_s * log(2) == pytest.approx(median_s)
    lognormal = law(LawForm.model_validate({"kind": "lognormal", "median": median, "shape": shape}))
    assert lognormal.mean_s * exp(-(shape**2) / 2) == pytest.approx(median_s)


def test_a_weibull_by_its_median_is_the_exponential_at_shape_one() -> None:
    weibull = law(LawForm.model_validate({"kind": "weibull", "median": "1 h", "shape": 1.0}))
    assert weibull.mean_s == pytest.approx(HOUR / log(2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", "recovery.detect: '3' has no unit"),
        (3, "recovery.detect: '3' has no unit"),
        ({"kind": "weibul", "mean": "1 h"}, "recovery.detect.kind: unknown law 'weibul'; did you mean 'weibull'?"),
        ({"kind": "exponential"}, "law 'exponential' takes mean, or median; got none of them"),
        ({"kind": "weibull", "mean": "1 h"}, "law 'weibull' takes mean and shape, or median and shape; got mean"),
        ({"kind": "exponential", "mean": "1 h", "median": "1 h"}, "got mean and median"),
        (
            {"kind": "lognormal", "mean": "1 h", "median": "2 h"},
            "the mean of a lognormal law must lie above its median",
        ),
        ({"kind": "uniform", "mean": "1 h", "shape": 1.5}, "reaches below zero; expected at most 1"),
        ({"kind": "exponential", "mean": "0 s"}, "recovery.detect.mean: got 0, expected more than 0"),
        ({"kind": "exponential", "maen": "1 s"}, "recovery.detect.maen: unknown key 'maen'; did you mean 'mean'?"),
        ({"mean": "1 s"}, "recovery.detect.kind: is missing; recovery.detect needs kind"),
    ],
)
def test_a_law_that_cannot_be_says_why(value: Any, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(recovery__detect=value)
    assert expected in str(caught.value)


def test_the_published_causes_have_the_published_count() -> None:
    # 419 interruptions in 54 days of 2,048 nodes: the sum of all rates of this fleet.
    tree = changed(WITHOUT_MODEL, failures={"preset": "llama3-2024"}, cluster__nodes=2048)
    classes = scenario_of(tree, "file.toml").failures.classes
    rate = sum((1 if c.component == "job" else 2048 * c.per_node) / c.life.mean_s for c in classes)
    assert rate * 54 * 86400 == pytest.approx(419)
    assert len(classes) == 18


@pytest.mark.parametrize(("component", "per_node"), [("gpu", 8), ("nic", 8), ("link", 8), ("node", 1), ("job", 1)])
def test_a_component_has_as_many_clocks_as_the_node_holds(component: str, per_node: int) -> None:
    cause = {"component": component, "name": "x", "kind": "exponential", "mean": "9 d"}
    (found,) = resolved(failures={"causes": [cause]}).failures.classes
    assert (found.per_node, found.replace) == (per_node, component != "job")


def test_scale_multiplies_every_rate_and_zero_means_none() -> None:
    (plain,) = resolved().failures.classes
    (doubled,) = resolved(failures__scale=2.0).failures.classes
    assert doubled.life.mean_s * 2 == plain.life.mean_s
    assert resolved(failures__scale=0).failures.classes == ()


def test_causes_stand_beside_a_preset_and_names_are_unique() -> None:
    own = {"component": "node", "name": "Lemon", "kind": "exponential", "mean": "9 d"}
    both = {"preset": "llama3-2024", "causes": [own]}
    assert len(resolved(failures=both).failures.classes) == 19
    with pytest.raises(ScenarioError, match="got SSD more than once"):
        resolved(failures={"preset": "llama3-2024", "causes": [{**own, "name": "SSD"}]})


def test_detection_by_cause_names_a_cause_that_exists() -> None:
    recovery = resolved(recovery__detect_by_cause={"any": "10 min"}).recovery
    assert recovery is not None
    assert recovery.detect_by_cause == {"any": Law(kind="constant", mean_s=600.0)}
    with pytest.raises(UnknownNameError, match=r"recovery\.detect_by_cause: unknown cause 'ani'; did you mean 'any'"):
        resolved(recovery__detect_by_cause={"ani": "10 min"})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"recovery": None}, "recovery: is missing"),
        ({"repair": None}, "repair: is missing; cause 'any' takes a node away"),
        ({"failures": None}, "recovery: nothing breaks without [failures]"),
        ({"failures": {"scale": 1.0}}, "got neither preset nor causes"),
        ({"repair__automatic": {"time": "1 h", "success": 0}, "repair__manual": {"time": "1 h", "success": 0}}, "ever"),
        (
            {"failures": {"causes": [{**JOB_CAUSE, "replace": True}]}},
            "'j' hits the job and no node; expected no replace",
        ),
        ({"repair__manual": {"time": "1 h", "success": "140 %"}}, "repair.manual.success: got 1.4, expected at most 1"),
    ],
)
def test_what_breaks_must_be_able_to_recover(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(**changes)
    assert expected in str(caught.value)


def test_repair_may_be_left_out_where_no_node_is_taken_away() -> None:
    cause = {"component": "node", "name": "any", "kind": "exponential", "mean": "9 d", "replace": False}
    assert resolved(repair=None, failures={"causes": [cause]}).repair is None


GIVEN = {"interval": {"kind": "fixed", "every": "1 h"}, "block": "2 s", "durable_after": "60 s", "restore": "10 s"}


def test_given_durations_of_a_checkpoint_are_kept() -> None:
    checkpoint = resolved(checkpoint=GIVEN).checkpoint
    assert checkpoint is not None
    assert (checkpoint.block_s, checkpoint.durable_after_s, checkpoint.restore_s) == (2.0, 60.0, 10.0)
    assert (checkpoint.policy.kind, checkpoint.policy.every_s) == ("fixed", HOUR)


def test_a_synchronous_checkpoint_is_durable_when_it_stops_blocking() -> None:
    given = {key: value for key, value in GIVEN.items() if key != "durable_after"}
    checkpoint = resolved(checkpoint={**given, "asynchronous": False}).checkpoint
    assert checkpoint is not None
    assert checkpoint.durable_after_s == checkpoint.block_s == 2.0


def test_a_model_with_a_store_computes_the_durations() -> None:
    checkpoint = resolved(WITH_MODEL, checkpoint={"interval": {"kind": "fixed", "every": "1 h"}}).checkpoint
    assert checkpoint is not None
    assert (checkpoint.block_s, checkpoint.durable_after_s, checkpoint.restore_s) == (None, None, None)


@pytest.mark.parametrize(
    ("checkpoint", "expected"),
    [
        ({"interval": {"kind": "fixed"}}, "checkpoint.interval: kind 'fixed' needs every"),
        ({"interval": {"kind": "young", "every": "1 h"}}, "kind 'young' computes the interval; expected no every"),
        ({"interval": {"kind": "fixed", "every": "1 h"}}, "got no block, restore, durable_after, and no [model]"),
        ({**GIVEN, "durable_after": "1 s"}, "checkpoint.durable_after: got 1 s, expected at least block = 2 s"),
    ],
)
def test_a_checkpoint_that_nothing_times_is_refused(checkpoint: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(checkpoint=checkpoint)
    assert expected in str(caught.value)


def test_an_interval_by_rule_needs_failures() -> None:
    young = {**GIVEN, "interval": {"kind": "young"}}
    assert resolved(checkpoint=young).checkpoint is not None
    with pytest.raises(ScenarioError, match="'young' needs failures"):
        resolved(checkpoint=young, failures__scale=0)


@pytest.mark.parametrize("missing", ["topology", "storage"])
def test_a_bill_needs_a_network_and_a_store(missing: str) -> None:
    have = {"topology": {"kind": "fat-tree", "k": 48}, "storage": "nvme-server"}
    del have[missing]
    cost = {"prices": "2026-owned", "acquisition": "own"}
    with pytest.raises(ScenarioError, match=rf"cluster\.{missing}: is missing; \[cost\] needs it"):
        resolved(cost=cost, **{f"cluster__{key}": value for key, value in have.items()})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"failures__scale": 1e9}, "the job would fail every 4.45e-05 s on average; expected at least 1 s"),
        ({"failures__scale": 1e-308}, "failures.scale: got 1e-308, which makes 'any' rarer than once in 100000 y"),
        (
            {"recovery__detect": {"kind": "weibull", "mean": "1 h", "shape": 0.001}},
            "expected at least 0.1",
        ),
        ({"recovery__detect": {"kind": "lognormal", "mean": "1 h", "shape": 99}}, "lognormal law; expected at most 10"),
        ({"failures__causes": [{**JOB_CAUSE, "name": ""}]}, "failures.causes.0.name: got '', expected text"),
    ],
)
def test_lives_and_laws_that_no_clock_holds_are_refused(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolved(**changes)
    assert expected in str(caught.value)


def test_a_scale_of_zero_switches_failures_off_although_one_has_its_own_detection() -> None:
    # 512 nodes of 264 d: what detects the one cause is read by nothing once there is none.
    scenario = resolved(failures__scale=0, recovery__detect_by_cause={"any": "5 min"})
    assert scenario.failures.classes == ()
    assert scenario.recovery is not None
    assert scenario.recovery.detect_by_cause == {}


def test_a_start_that_grows_beyond_what_a_clock_holds_is_refused() -> None:
    resolved(recovery__initialize_per_node="100 y")
    with pytest.raises(ScenarioError, match=r"recovery.initialize_per_node: got .* for each of 512 nodes; expected at"):
        resolved(recovery__initialize_per_node="200 y")


def test_hosts_are_selected_in_no_time_and_a_stall_waits_for_the_jobs_nodes_unless_the_form_says_more() -> None:
    silent, asked = (
        resolved().recovery,
        resolved(recovery__select_host="3 min", recovery__resume_when_idle=4_000).recovery,
    )
    assert silent is not None and asked is not None
    assert (silent.select_host, silent.resume_when_idle) == (Law(), None)
    assert (asked.select_host, asked.resume_when_idle) == (Law(mean_s=180.0), 4_000)


def test_a_stall_that_waits_for_fewer_nodes_than_the_job_has_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"recovery\.resume_when_idle: got 1; expected at least"):
        resolved(recovery__resume_when_idle=1)
