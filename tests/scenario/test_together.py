"""Keys of failures, recovery and checkpoints that exclude each other, or that nothing would read, are refused."""

import re
from typing import Any

import pytest

from sim.errors import InputError
from sim.scenario import scenario_of
from tests.scenario.trees import WITHOUT_MODEL, changed

JOB = {"component": "job", "name": "j", "kind": "exponential", "mean": "1 h"}
NODE = {"component": "node", "name": "n", "kind": "exponential", "mean": "9 d"}
STORE = {"interval": {"kind": "fixed", "every": "10 min"}, "block": "1 s", "durable_after": "9 s", "restore": "9 s"}
GIVEN = {"block": "1 s", "durable_after": "2 s", "restore": "1 s"}


def load(causes: list[dict[str, Any]], **changes: Any) -> None:
    base = changed(WITHOUT_MODEL, failures__causes=causes, recovery__rework=True, checkpoint=STORE)
    scenario_of(changed(base, **changes), "file.toml")


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        ({**JOB, "found": "5 s", "planned": "0 s"}, "'j': got found and planned; expected one of them"),
        ({**NODE, "found": "5 s", "slow": 1.5}, "'n': got found and slow; expected one of them"),
        (
            {**NODE, "planned": "5 s", "correlated": {"domain": "node", "share": 0.5, "hit": 1.0}},
            "'n': got correlated and planned; what fails together stops the job, expected one of them",
        ),
    ],
)
def test_a_cause_has_one_effect_and_the_line_names_its_keys(cause: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(f'file.toml: failures.causes: {line}')}$"):
        load([cause])


def test_shocks_go_with_neither_lemons_nor_infants() -> None:
    shaken = {**NODE, "correlated": {"domain": "node", "share": 0.5, "hit": 1.0}}
    load([shaken])
    with pytest.raises(InputError, match=r"and failures.lemons; expected one of them"):
        load([shaken], failures__lemons={"fraction": 0.5, "factor": 2.0})
    with pytest.raises(InputError, match=r"and failures.infant; expected one of them"):
        load([shaken], failures__infant={"factor": 2.0, "until": "1 d"})


def test_work_that_goes_bad_cannot_survive() -> None:
    load([{**JOB, "found": "5 s"}])
    with pytest.raises(InputError, match=r"recovery.rework = false, which keeps it"):
        load([{**JOB, "found": "5 s"}], recovery__rework=False)


def test_a_planned_stop_saves_work_which_takes_a_checkpoint() -> None:
    load([{**JOB, "planned": "0 s"}])
    load([{**JOB, "planned": "0 s"}], checkpoint=None, recovery__rework=False)
    with pytest.raises(InputError, match=r"planned waits until all work is saved; expected a \[checkpoint\]"):
        load([{**JOB, "planned": "0 s"}], checkpoint=None)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"recovery__success": {"requeue": 0.5}}, "there is no recovery.requeue; expected both or neither"),
        ({"recovery__success": {"warm_up": 0.5}}, "there is no recovery.warm_up; expected both or neither"),
        ({"recovery__blames_right": 0.5}, "recovery.blames_right: no cause takes a node away"),
        ({"failures__ages": [{"nodes": 520, "age": "1 d"}]}, "failures.ages: got no cause of failure of nodes"),
    ],
)
def test_what_nothing_reads_is_refused(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=re.escape(line)):
        load([JOB], **changes)


PLANNED = {**NODE, "planned": "1 h"}
SLOW = {**NODE, "name": "s", "slow": 1.5}
FINDS = {"threshold": 1.1, "delay": "1 h"}


def test_only_nodes_that_fail_are_blamed() -> None:
    load([NODE, PLANNED | {"name": "p"}], recovery__blames_right=0.5)
    for causes, more in (([PLANNED], {}), ([SLOW], {"recovery__stragglers": FINDS})):
        with pytest.raises(InputError, match=r"recovery.blames_right: no cause takes a node away that could be"):
            load(causes, recovery__blames_right=0.5, **more)


def test_what_replaces_nodes_needs_a_cause_that_takes_some() -> None:
    idle, spares = 600, {"hot": {"nodes": 1, "replace": "1 s"}}
    for key, value in (("resume_when_idle", idle), ("spares", spares), ("success", {"replace": 0.5})):
        for cause in (JOB, {**NODE, "replace": False}, SLOW):
            with pytest.raises(InputError, match=rf"recovery.{key}.*: no cause takes a node away that would be"):
                load([cause], **{f"recovery__{key}": value})
        for causes in ([NODE], [PLANNED], [JOB, {**NODE, "found": "5 s"}]):
            load(causes, **{f"recovery__{key}": value})
        load([SLOW], recovery__stragglers=FINDS, **{f"recovery__{key}": value})


def test_without_checkpoints_none_is_restored() -> None:
    load([JOB], recovery__success={"restore": 0.5})
    with pytest.raises(InputError, match=r"recovery.success.restore: there is no \[checkpoint\] to restore"):
        load([JOB], recovery__success={"restore": 0.5}, checkpoint=None)


def test_what_gpus_hold_is_of_use_only_to_processes_that_live_on() -> None:
    tiers = {**STORE, "tiers": [{"kind": "gpu", **GIVEN}, {"kind": "remote"}]}
    load([NODE], checkpoint=tiers, recovery__mode="in-process")
    for mode in ("requeue", "in-job"):
        with pytest.raises(InputError, match=rf"checkpoint.tiers: gpu: dies with the processes, .* '{mode}' starts"):
            load([NODE], checkpoint=tiers, recovery__mode=mode)


def test_a_planned_stop_is_not_detected() -> None:
    with pytest.raises(InputError, match="'j' is planned and needs no detection"):
        load([{**JOB, "planned": "0 s"}], recovery__detect_by_cause={"j": "1 s"})


@pytest.mark.parametrize(
    ("tier", "line"),
    [
        ({"kind": "host-memory", "replicas": 512, **GIVEN}, "512 nodes hold 511 of them apart from the node itself"),
        ({"kind": "host-memory", "replicas": 1, "apart": 512, **GIVEN}, "512 nodes hold 0 of them"),
        ({"kind": "host-memory", "incremental": 0.5, **GIVEN}, "incremental is not read where"),
        ({"kind": "nvme", "bandwidth": "5 GB/s", **GIVEN}, "bandwidth is not read where"),
    ],
)
def test_tiers_state_nothing_that_has_no_effect(tier: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=re.escape(line)):
        load([JOB], checkpoint={**STORE, "tiers": [tier, {"kind": "remote"}]})


@pytest.mark.parametrize(
    ("tier", "line"),
    [
        ({"kind": "host-memory", **GIVEN}, "tiers: host-memory: a synchronous checkpoint is durable when its block"),
        ({"kind": "gpu", "block": "1 s", "restore": "1 s", "max_in_flight": 2}, "gpu: a synchronous checkpoint"),
        ({"kind": "nvme", "block": "1 s", "restore": "1 s", "bandwidth": "5 GB/s"}, "nvme: bandwidth is not read"),
    ],
)
def test_a_synchronous_tier_is_durable_when_its_block_ends(tier: dict[str, Any], line: str) -> None:
    store = {key: value for key, value in STORE.items() if key != "durable_after"}
    with pytest.raises(InputError, match=re.escape(line)):
        load([JOB], checkpoint={**store, "asynchronous": False, "tiers": [tier, {"kind": "remote"}]})


@pytest.mark.parametrize("key", [{"max_in_flight": 0}, {"block": "0 s"}])
def test_a_zero_of_the_store_is_refused_where_it_is_not_read(key: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="of the store is not read here"):
        load([JOB], checkpoint={**STORE, "tiers": [{"kind": "remote", **key}]})


def test_incremental_checkpoints_of_the_store_need_a_duration_that_follows() -> None:
    with pytest.raises(InputError, match="remote: incremental is not read"):
        load([JOB], checkpoint={**STORE, "tiers": [{"kind": "remote", "incremental": 0.5}]})


def test_a_slow_factor_in_words_is_told_what_a_factor_is() -> None:
    with pytest.raises(InputError, match=r"slow: got 'fast', expected a number above 1, such as 1.2"):
        load([{**NODE, "slow": "fast"}])


@pytest.mark.parametrize("value", [12, 12.5])
def test_times_of_the_day_are_no_bare_numbers(value: object) -> None:
    with pytest.raises(InputError, match=f"from: got {value}, expected a time of the day in quotes"):
        load([JOB], cluster__speed={"diurnal": {"from": value, "to": "13:00", "factor": 1.5}})


def test_keys_are_named_as_they_are_written() -> None:
    with pytest.raises(InputError, match="needs from, to, factor") as caught:
        load([JOB], cluster__speed={"diurnal": {"from_": "12:00", "to": "13:00", "factor": 1.5}})
    assert "did you mean 'from'?" in str(caught.value)
