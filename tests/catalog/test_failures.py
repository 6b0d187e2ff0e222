"""The Llama 3 preset is the published table, as mean lives of components."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import experiments
from sim import catalog
from sim.catalog.failures import parse_failure_preset
from sim.errors import InputError, UnknownNameError

DAYS_54 = 54 * 86400.0
SOURCE = {"source": "a paper", "date": "2024-07", "kind": "published"}
PRESET: dict[str, Any] = {
    "duration_s": 100.0,
    "components": {"gpu": 8, "node": 1},
    "causes": {
        "A": {"component": "gpu", "count": 4, "replace": True, "note": "broken"},
        "B": {"component": "node", "count": 5, "replace": False, "note": "assumed"},
    },
    "sources": {"*": SOURCE},
}


def published_counts() -> dict[str, int]:
    file = Path(str(experiments.__file__)).parent / "reference" / "reliability.json"
    cases = {case["id"]: case for case in json.loads(file.read_text(encoding="utf-8"))["cases"]}
    counts: dict[str, int] = cases["llama3-405b-54d"]["failures"]["table5"]
    return counts


def test_mean_life_is_exposure_over_count() -> None:
    preset = parse_failure_preset("x", PRESET, "my.toml: x")
    assert [cause.mean_s for cause in preset.causes] == [8 * 100.0 / 4, 1 * 100.0 / 5]
    assert preset.sources["A"].kind == "derived"
    assert preset.sources["A"].note == "4 counted; broken"


def test_causes_and_counts_are_the_published_table() -> None:
    preset = catalog.failure_preset("llama3-2024")
    counts = {c.name: round(preset.components[c.component] * DAYS_54 / c.mean_s) for c in preset.causes}
    assert counts == published_counts()
    assert len(counts) == 18
    assert sum(counts.values()) == 419


def test_the_preset_expects_419_failures_over_its_own_exposure() -> None:
    preset = catalog.failure_preset("llama3-2024")
    components = {"gpu": 16384, "nic": 16384, "link": 16384, "node": 2048, "job": 1}
    assert catalog.expected_failures(preset, components, DAYS_54) == pytest.approx(419, abs=1e-9)


def test_half_the_cluster_halves_all_but_the_job() -> None:
    preset = catalog.failure_preset("llama3-2024")
    half = {"gpu": 8192, "nic": 8192, "link": 8192, "node": 1024, "job": 1}
    whole_job = 54 + 2
    assert catalog.expected_failures(preset, half, DAYS_54) == pytest.approx((419 - whole_job) / 2 + whole_job)


def test_hardware_takes_its_node_away_and_software_does_not() -> None:
    kept = {cause.name for cause in catalog.failure_preset("llama3-2024").causes if not cause.replace}
    assert kept == {"Software Bug", "Dependency", "NCCL Watchdog Timeouts"}


def test_six_gpu_causes_are_64_percent() -> None:
    preset = catalog.failure_preset("llama3-2024")
    gpu = sum(16384 * DAYS_54 / cause.mean_s for cause in preset.causes if cause.component == "gpu")
    assert gpu == pytest.approx(268)


@pytest.mark.parametrize(
    ("change", "error", "expected"),
    [
        ({"component": "gppu"}, UnknownNameError, r'causes\."A"\.component: unknown component .* mean .gpu'),
        ({"component": "nic"}, InputError, "no 'nic' among the components"),
        ({"count": 0}, InputError, r'causes\."A"\.count: got 0'),
        ({"count": 1.5}, InputError, "expected a whole number"),
        ({"replace": "yes"}, InputError, "expected true or false"),
        ({"cont": 3}, UnknownNameError, "unknown field 'cont'; did you mean 'count'"),
        ({"note": ""}, InputError, r'causes\."A"\.note: got an empty text'),
    ],
)
def test_a_cause_is_checked(change: dict[str, Any], error: type[Exception], expected: str) -> None:
    table = deepcopy(PRESET)
    table["causes"]["A"] |= change
    with pytest.raises(error, match=expected):
        parse_failure_preset("x", table, "my.toml: x")


@pytest.mark.parametrize("key", ["duration_s", "components", "causes"])
def test_a_preset_without_exposure_or_causes_is_refused(key: str) -> None:
    table = {name: value for name, value in PRESET.items() if name != key}
    with pytest.raises(InputError, match=f"missing field '{key}'"):
        parse_failure_preset("x", table, "my.toml: x")
