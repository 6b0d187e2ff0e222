"""What a cost file may hold, and what is refused with a line that says where."""

from typing import Any

import pytest

from sim.analysis.cost.records import CATEGORIES, read_records, records_of, reference
from sim.analysis.cost.rows import beyond, measured_of, predicted, row_json, within
from sim.analysis.cost.rules.reasons import BY_CATEGORY, reason_of
from sim.errors import InputError, UnknownNameError
from tests.analysis.cost.examples import record


def test_the_reference_is_read_whole() -> None:
    records = read_records(None)
    assert len(records.records) == len(reference()) == 536
    assert {entry["category"] for entry in records.records} == set(CATEGORIES)


def test_a_file_may_hold_a_section_for_each_category() -> None:
    entry = {key: value for key, value in record().items() if key != "category"}
    (found,) = records_of({"published_run": [entry]}).records
    assert found["category"] == "published_run"


def test_sections_that_nothing_knows_are_told_and_the_rest_is_read() -> None:
    records = records_of({"records": [record()], "about": "mine", "recrods": []})
    assert [each.id for each in records.passed] == ["recrods"]
    assert "did you mean 'records'" in records.passed[0].reason


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"records": {}}, r"records: got dict, expected a list of records"),
        ({"records": [3]}, r"records\[0\]: got 3, expected a record"),
        ({"records": [{"id": 3}]}, r"records\[0\]: id: got 3, expected a text"),
        ({"records": [record(source=None)]}, r"records\[0\]: source: got None, expected a text"),
        ({"records": [record(), record()]}, r"records: 'mine' is there twice"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        records_of(sections)


def test_a_category_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'published_run'"):
        records_of({"records": [record(category="published_runs")]})


def test_a_missing_record_is_found_in_the_reference_and_the_files_own_comes_first() -> None:
    own = record(id="deepseek_rate", category="price_rent_timeline", value=3.0)
    assert records_of({"records": [own]}).find("deepseek_rate") == own
    found = records_of({"records": []}).find("deepseek_rate")
    assert found is not None
    assert found["value"] == 2.0


def test_an_amount_or_a_range_is_published_and_nothing_else() -> None:
    assert measured_of(record()) == {"measured": 1.0, "low": None, "high": None}
    assert measured_of({**record(value=None), "high": 3.0}) == {"measured": 3.0, "low": None, "high": 3.0}
    with pytest.raises(InputError, match="mine: expected a value, or low and high"):
        measured_of(record(value=None))
    for wrong in (record(value="1"), record(value=True), record(value=[1.0])):
        with pytest.raises(InputError, match="expected a finite number"):
            measured_of(wrong)
    with pytest.raises(InputError, match="low 3 is above high 1"):
        measured_of({**record(value=None), "low": 3.0, "high": 1.0})


def test_an_amount_has_an_error_and_a_range_is_met_or_missed_by_a_fraction_of_its_end() -> None:
    row = row_json(predicted(record(value=2.0), 2.2, {}))
    assert row["error"] == pytest.approx(0.1)
    assert (row["within"], row["beyond"]) == (None, None)
    ranged = {**record(value=None), "low": 1.0, "high": 3.0}
    for simulated, met, off in ((0.5, False, -0.5), (2.0, True, 0.0), (4.5, False, 0.5)):
        found = predicted(ranged, simulated, {})
        assert within(found) is met
        assert beyond(found) == pytest.approx(off)


def test_every_category_has_a_reason_and_ids_may_have_their_own() -> None:
    assert set(BY_CATEGORY) == set(CATEGORIES)
    assert reason_of(reference()["dgx_h100_max"]) == "a nameplate: an input of the catalog"
    assert reason_of(record(id="other", category="hbm")) == BY_CATEGORY["hbm"]
