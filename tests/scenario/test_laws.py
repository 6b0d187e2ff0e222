"""Laws of the form: what each takes, where files are looked for, and what names the run."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import InputError
from sim.reliability.failures.hazards import bathtub_law, piecewise_law
from sim.reliability.failures.laws import KINDS, cdf, empirical_law
from sim.reliability.records import Law
from sim.scenario import canonical_text, load_scenario, scenario_of
from sim.scenario.law_keys import LAW_KEYS
from sim.scenario.laws import LawForm, law
from sim.scenario.source import overridden
from sim.simulate import run_id
from tests.scenario.trees import WITHOUT_MODEL, changed

HOUR, DAY = 3600.0, 86_400.0
BATHTUB = {
    "kind": "bathtub",
    "mean": "1000 d",
    "infant_factor": 8,
    "infant_until": "30 d",
    "wear_out_from": "900 d",
    "wear_out_doubling": "365 d",
}
PIECEWISE = {"kind": "piecewise", "mean": "1000 d", "ages": ["30 d", "900 d"], "hazards": [8, 1, 3]}
EMPIRICAL = {"kind": "empirical", "values": ["1 h", "2 h", "9 h"]}


def detect(value: Any) -> Law:
    recovery = scenario_of(changed(WITHOUT_MODEL, recovery__detect=value), "file.toml").recovery
    assert recovery is not None
    return recovery.detect


def test_every_law_can_be_asked_for() -> None:
    assert {*LAW_KEYS} == {*KINDS}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"kind": "gamma", "mean": "1 h", "shape": 2}, Law(kind="gamma", mean_s=HOUR, shape=2.0)),
        (BATHTUB, bathtub_law(1000 * DAY, 8.0, 30 * DAY, 900 * DAY, 365 * DAY)),
        (PIECEWISE, piecewise_law(1000 * DAY, [30 * DAY, 900 * DAY], [8.0, 1.0, 3.0])),
        (EMPIRICAL, empirical_law([HOUR, 2 * HOUR, 9 * HOUR])),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_law_stands_for_any_duration_and_any_life(form: dict[str, Any], expected: Law) -> None:
    assert detect(form) == expected
    cause = {"component": "node", "name": "x", **form}
    repair = {**WITHOUT_MODEL["repair"], "manual": {"time": form, "success": 1}}
    tree = changed(WITHOUT_MODEL, failures={"causes": [cause], "scale": 0.001}, repair=repair)
    scenario = scenario_of(tree, "file.toml")
    (found,) = scenario.failures.classes
    assert found.life.mean_s == pytest.approx(1000 * expected.mean_s)
    assert found.life.table == expected.table
    assert scenario.repair is not None
    assert scenario.repair.manual.time == expected


@given(median_s=st.floats(1, 1e6), shape=st.floats(0.3, 30))
def test_a_gamma_law_by_its_median_has_it(median_s: float, shape: float) -> None:
    found = law(LawForm.model_validate({"kind": "gamma", "median": f"{median_s!r} s", "shape": shape}))
    assert cdf(found, median_s) == pytest.approx(0.5, abs=1e-9)


def without(form: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in form.items() if name != key}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"kind": "gama", "mean": "1 h"}, "recovery.detect.kind: unknown law 'gama'; did you mean 'gamma'?"),
        ({"kind": "gamma", "mean": "1 h"}, "law 'gamma' takes mean and shape, or median and shape; got mean"),
        ({"kind": "gamma", "mean": "1 h", "shape": 0.01}, "shape 0.01 of a gamma law; expected at least 0.1"),
        ({**BATHTUB, "infant_facter": 2}, "recovery.detect.infant_facter: unknown key 'infant_facter'; did you mean"),
        (without(BATHTUB, "wear_out_from"), "law 'bathtub' takes infant_factor and infant_until and mean and wear_out"),
        ({**BATHTUB, "infant_factor": 0.5}, "recovery.detect.infant_factor: got 0.5, expected at least 1"),
        ({**BATHTUB, "infant_until": "901 d"}, "recovery.detect: bathtub law: got factor 8"),
        ({**BATHTUB, "shape": 2}, "law 'bathtub' takes"),
        ({**PIECEWISE, "hazards": [8, 1]}, "recovery.detect: piecewise law: got hazards 8, 1 for 2 ages"),
        ({**PIECEWISE, "ages": ["900 d", "30 d"]}, "expected each above the one before"),
        ({**PIECEWISE, "ages": ["30 d", 900]}, "recovery.detect.ages.1: '900' has no unit"),
        ({"kind": "empirical", "values": []}, "recovery.detect: empirical law: got 0 durations"),
        (
            {"kind": "empirical"},
            "law 'empirical' takes values, or column and file, or column and file and unit; got no",
        ),
        ({"kind": "empirical", "values": [3]}, "recovery.detect.values.0: '3' has no unit"),
        (
            {"kind": "empirical", "file": "gone.csv", "column": "h"},
            "recovery.detect: gone.csv: no such file; expected a CSV file with a column 'h'",
        ),
        (
            {"kind": "empirical", "file": "x.csv", "column": "h", "unit": "hr"},
            "recovery.detect.unit: unknown unit of time 'hr'",
        ),
    ],
)
def test_a_law_that_cannot_be_says_why(form: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as caught:
        detect(form)
    assert expected in str(caught.value)


def with_file(folder: Path, text: str, **keys: str) -> dict[str, Any]:
    (folder / "log.csv").write_text(text, encoding="utf-8")
    return {"kind": "empirical", "file": str(folder / "log.csv"), **keys}


def test_a_column_holds_times_with_units_or_numbers_of_one(tmp_path: Path) -> None:
    text = "node,down,hours\na,90 min,1.5\nb,2 h,2\nc,540 min,9\n"
    expected = empirical_law([1.5 * HOUR, 2 * HOUR, 9 * HOUR])
    assert detect(with_file(tmp_path, text, column="down")) == expected
    assert detect(with_file(tmp_path, text, column="hours", unit="h")) == expected


@pytest.mark.parametrize(
    ("text", "keys", "expected"),
    [
        ("node,hours\na,1\n", {"column": "hour", "unit": "h"}, "log.csv: unknown column 'hour'; did you mean 'hours'?"),
        ("", {"column": "hours"}, "log.csv: unknown column 'hours'"),
        ("hours\n1\n", {"column": "hours"}, "log.csv: line 2: '1' has no unit"),
        ("hours\n1\nx\n", {"column": "hours", "unit": "h"}, "log.csv: line 3: 'x h' is not a number with a unit"),
        ("a,hours\n1\n", {"column": "hours", "unit": "h"}, "log.csv: line 2: 'h' is not a number with a unit"),
        ("hours\n-1\n", {"column": "hours", "unit": "h"}, "log.csv: line 2: '-1 h'"),
        ("hours\n1e-9\n", {"column": "hours", "unit": "us"}, "log.csv: line 2: got '1e-9', expected 0, or 1 us to"),
        ("hours\n", {"column": "hours", "unit": "h"}, "empirical law: got 0 durations"),
        ("hours\n0\n", {"column": "hours", "unit": "h"}, "not all 0"),
    ],
)
def test_a_file_that_holds_no_durations_says_where(
    tmp_path: Path, text: str, keys: dict[str, str], expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        detect(with_file(tmp_path, text, **keys))
    assert str(caught.value).startswith("file.toml: recovery.detect: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


SCENARIO = """
name = "logged"
training = { step_time = "10 s" }
cluster = { node = "dgx-h100", nodes = 8, spare_nodes = 1 }
recovery = { detect = "1 min", replace = "1 min", initialize = "1 min" }
run = { horizon = "10 d" }
[[failures.causes]]
component = "node"
name = "any"
kind = "empirical"
file = "LOG"
column = "days"
unit = "d"
[repair]
crews = 0
automatic = { time = "2 h", success = 1 }
manual = { time = { kind = "empirical", values = ["1 h"] }, success = 1 }
"""


def test_the_content_of_a_file_names_the_run_and_not_its_place(tmp_path: Path) -> None:
    for place, file, days in [("a", "lives.csv", "9 40"), ("b", "other.csv", "40 9"), ("c", "lives.csv", "9 41")]:
        (tmp_path / place).mkdir()
        (tmp_path / place / file).write_text("\n".join(["days", *days.split()]), encoding="utf-8")
        (tmp_path / place / "s.toml").write_text(SCENARIO.replace("LOG", file), encoding="utf-8")
    a, b, c = (load_scenario(str(tmp_path / place / "s.toml")) for place in "abc")
    assert run_id(a) == run_id(b) != run_id(c)
    assert "csv" not in canonical_text(a)
    (found,) = a.failures.classes
    assert found.life == empirical_law([9 * DAY, 40 * DAY])


def test_a_file_is_found_from_the_scenario_that_names_it_also_where_another_extends_it(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "lives.csv").write_text("days\n9\n", encoding="utf-8")
    (tmp_path / "base" / "s.toml").write_text(SCENARIO.replace("LOG", "lives.csv"), encoding="utf-8")
    (tmp_path / "over.toml").write_text('name = "over"\nextends = "base/s.toml"\n', encoding="utf-8")
    (found,) = load_scenario(str(tmp_path / "over.toml")).failures.classes
    assert found.life.mean_s == 9 * DAY


def test_another_kind_keeps_what_is_no_argument_of_a_law() -> None:
    cause = {"component": "nic", "name": "port", "repair": "4 h", **PIECEWISE}
    tree = changed(WITHOUT_MODEL, failures={"causes": [cause]}, cluster__topology={"kind": "fat-tree", "k": 32})
    asked = overridden(tree, ["failures.causes.0.kind=exponential", "failures.causes.0.mean=9 d"])
    assert asked["failures"]["causes"] == [
        {"component": "nic", "name": "port", "repair": "4 h", "kind": "exponential", "mean": "9 d"}
    ]
