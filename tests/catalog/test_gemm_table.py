"""A user's table of products: what a line means, and that each bad one is named by file and line."""

from pathlib import Path

import pytest

from sim.catalog.gemm_table import read_gemm_table
from sim.catalog.records import GemmShape
from sim.errors import InputError, UnknownNameError


def table(folder: Path, text: str) -> Path:
    path = folder / "my_gemms.csv"
    path.write_text(text)
    return path


def test_a_rate_becomes_the_time_of_all_products_of_a_line(tmp_path: Path) -> None:
    path = table(tmp_path, "# measured\nprecision,m,n,k,batch,groups,tflops\nbf16,100,200,300,,4,2\n\nfp8,1,2,3,5,,1\n")
    grouped, batched = read_gemm_table(path)
    assert grouped.shape == GemmShape(precision="bf16", m=100, n=200, k=300, groups=4)
    assert grouped.time_s == pytest.approx(4 * 2 * 100 * 200 * 300 / 2e12)
    assert batched.shape == GemmShape(precision="fp8", m=1, n=2, k=3, batch=5)
    assert (grouped.where, batched.where) == (f"{path}: line 3", f"{path}: line 5")


def test_a_time_is_taken_as_it_stands_and_columns_come_in_any_order(tmp_path: Path) -> None:
    (one,) = read_gemm_table(table(tmp_path, "time_s, k, n, m, precision\n1.5e-3, 3, 2, 1, bf16\n"))
    assert (one.time_s, one.shape) == (1.5e-3, GemmShape(precision="bf16", m=1, n=2, k=3))


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("\ufeffprecision,m,n,k,tflops\r\nbf16,1,2,3,1\r\n".encode())
    assert len(read_gemm_table(path)) == 1


HEAD = "precision,m,n,k,batch,groups,tflops\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no product"),
        (HEAD, "holds no product"),
        ("precision,m,n,k\nbf16,1,1,1\n", "line 1: got columns precision, m, n, k; expected one of time_s and tflops"),
        ("precision,m,n,k,tflops,time_s\n", "line 1: .*expected one of time_s and tflops"),
        ("precision,m,n,tflops\n", "line 1: missing column 'k'"),
        ("precision,m,m,n,k,tflops\n", "line 1: column 'm' stands twice"),
        (HEAD + "bf16,1,1,1,1,1\n", "line 2: got 6 values, expected 7: precision, m"),
        (HEAD + "bf16,1,1,1,1,1,5\nbf16,0,1,1,1,1,5\n", "line 3: m: got '0', expected a whole number of at least 1"),
        (HEAD + "bf16,1,2.5,1,1,1,5\n", "line 2: n: got '2.5', expected a whole number"),
        (HEAD + "bf16,1,1,1,1,1,fast\n", "line 2: tflops: got 'fast', expected a number above zero"),
        (HEAD + "bf16,1,1,1,1,1,inf\n", "line 2: tflops: got 'inf'"),
        (HEAD + "bf16,1,1,1,1,1,-3\n", "line 2: tflops: got '-3'"),
        (HEAD + "bf16,3000000000,1,1,1,1,5\n", "line 2: m: got '3000000000', expected at most 2,147,483,647"),
        (HEAD + f"bf16,1,1,{'9' * 5000},1,1,5\n", r"line 2: k: got '9{20}\.\.\.', expected at most"),
        (HEAD + "bf16,4096,4096,4096,1,1,1e-9\n", "line 2: tflops: got '1e-9', 1.37439e.08 s; expected at most 3600 s"),
        (HEAD + "bf16,1,1,1,2,2,5\n", "line 2: got batch 2 and groups 2; expected one of them"),
        (HEAD + ",1,1,1,1,1,5\n", "line 2: precision: got nothing"),
        (HEAD + "bf16,1,1,1,1,1,5\nbf16,1,1,1,,,6\n", "line 3: the same product as line 2"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"my_gemms.csv: {expected}"):
        read_gemm_table(table(tmp_path, text))


def test_an_unknown_column_gives_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        UnknownNameError, match=r"my_gemms.csv: line 1: unknown column 'tflop'; did you mean 'tflops'\?"
    ):
        read_gemm_table(table(tmp_path, "precision,m,n,k,tflop\n"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: cannot be read: No such file"):
        read_gemm_table(tmp_path / "none.csv")
