"""Files of measurements: what is refused, in one line that says where."""

from pathlib import Path

import pytest

from sim.analysis.measurements import REQUIRED, read_measurements
from sim.errors import InputError
from tests.analysis.rows import CELLS, row, write_rows


def test_the_reference_is_read_whole() -> None:
    assert len(read_measurements(None)) == 684


def test_a_printed_time_goes_before_a_derived_one() -> None:
    assert row(calc_step_time_s="9").step_time_s == 0.1
    assert row(step_time_s="", calc_step_time_s="9").step_time_s == 9
    assert row(step_time_s="").step_time_s is None


@pytest.mark.parametrize("text", ["0", "-3", "0.0"])
def test_a_time_that_is_not_above_zero_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=f"one: step_time_s: got '{text}', expected seconds above 0"):
        assert row(step_time_s=text).step_time_s


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "about 3", "1,024"])
def test_a_cell_that_is_no_finite_number_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match=f"one: n_gpus: got '{text}', expected a number or nothing"):
        row(n_gpus=text).number("n_gpus")


@pytest.mark.parametrize(("column", "text"), [("tp", "0"), ("n_gpus", "1.5"), ("pp", "-1"), ("micro_batch", "0")])
def test_a_count_is_a_whole_number_from_one(column: str, text: str) -> None:
    with pytest.raises(InputError, match=f"one: {column}: got '{text}', expected a whole number from 1"):
        row(**{column: text}).count(column)


@pytest.mark.parametrize("column", ["experts", "topk", "ep", "cp", "vpp"])
def test_zero_means_none_where_there_can_be_none(column: str) -> None:
    assert row(**{column: "0"}).count(column) is None


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = write_rows(tmp_path / "a.csv", {}, drop=column)
    with pytest.raises(InputError, match=f"lacks the column '{column}'") as caught:
        read_measurements(str(path))
    assert "\n" not in str(caught.value)


def test_a_misspelt_column_is_no_column_of_the_users_own(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", {})
    text = path.read_text()
    path.write_text(text.replace(",step_time_s", ",step_tme_s"))
    with pytest.raises(InputError, match=r"column 'step_tme_s' is not read; did you mean 'step_time_s'\?"):
        read_measurements(str(path))
    path.write_text(text.replace(",sweep", ",our_own_column"))
    assert len(read_measurements(str(path))) == 1


@pytest.mark.parametrize("text", ["", "id,source\n", ",".join(CELLS)])
def test_a_file_without_rows_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match="has no rows; expected a header"):
        read_measurements(str(tmp_path / "a.csv"))


def test_two_rows_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="id: got 'one' twice"):
        read_measurements(str(write_rows(tmp_path / "a.csv", {}, {})))


def test_a_line_with_too_many_cells_is_an_error(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "a.csv", {})
    path.write_text(path.read_text().rstrip() + ",more\n")
    with pytest.raises(InputError, match=f"line 2: got {len(CELLS) + 1} cells, expected {len(CELLS)}"):
        read_measurements(str(path))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_measurements(str(tmp_path / "nothing.csv"))
    with pytest.raises(InputError, match="cannot be read"):
        read_measurements(str(tmp_path))
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read: it is not UTF-8 text"):
        read_measurements(str(tmp_path / "a.csv"))
