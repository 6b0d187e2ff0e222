"""Products that a user measured, as a CSV file beside a scenario: `[cluster] gemm_table = "my_gemms.csv"`.

    # H100 SXM at 700 W, torch.matmul, median of 50, 2026-11-20
    precision,m,n,k,batch,groups,tflops
    bf16,4096,4096,4096,1,1,689.3
    bf16,512,8192,5120,1,16,524.6

One line a product: m x k by k x n in a precision that the accelerator has. `batch` (equal products in one kernel) and
`groups` (experts of m rows each) may be left out, or empty for 1; one of them at most is above 1. The time is `time_s`
in seconds or `tflops` in 10^12 FLOP/s, 2 x m x n x k x batch x groups over the time; a file has one of the two columns.
Lines that start with "#" and empty lines are skipped. The path is taken from the working directory, as those of prices.

Columns of other names are refused. What is read becomes times of exact shapes, and a curve refitted to them for all
other shapes (sim.workload.gemm_refit): nothing is interpolated between lines.
"""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sim.catalog.records import GemmShape
from sim.errors import InputError, unknown_name

_SHAPE = ("m", "n", "k")
_OPTIONAL = ("batch", "groups")
_TIMES = ("time_s", "tflops")
COLUMNS = ("precision", *_SHAPE, *_OPTIONAL, *_TIMES)

MOST = 2**31 - 1
"""The largest side, batch or group: what kernels index with."""

LONGEST_S = 3600.0
"""An hour in one kernel: a time in another unit than seconds, or a misplaced exponent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGemm:
    """One line of a table: a shape, its time, and where it stands ("my_gemms.csv: line 3"), for errors."""

    shape: GemmShape
    time_s: float
    where: str


def read_gemm_table(path: Path) -> tuple[MeasuredGemm, ...]:
    """Return the products of a CSV file, in its order.

    Raises InputError that names file and line for a file that cannot be read or holds nothing, a number that is none,
    a shape that stands twice; UnknownNameError for a column that does not exist.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from error
    products: dict[GemmShape, MeasuredGemm] = {}
    for line, row in _rows(text, str(path)):
        product = _product(row, f"{path}: line {line}")
        if product.shape in products:
            raise InputError(f"{product.where}: the same product as {products[product.shape].where.split(': ')[-1]}")
        products[product.shape] = product
    if not products:
        raise InputError(f"{path}: holds no product; expected a line of column names and one a product")
    return tuple(products.values())


def _rows(text: str, shown: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield each line by column name, with its number in the file."""
    columns: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{shown}: line {number}"
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if not columns:
            columns = cells
            _check_columns(columns, where)
        elif len(cells) != len(columns):
            raise InputError(f"{where}: got {len(cells)} values, expected {len(columns)}: {', '.join(columns)}")
        else:
            yield number, dict(zip(columns, cells, strict=True))


def _check_columns(columns: list[str], where: str) -> None:
    for column in columns:
        if column not in COLUMNS:
            raise unknown_name("column", column, COLUMNS, where)
        if columns.count(column) > 1:
            raise InputError(f"{where}: column '{column}' stands twice")
    missing = [column for column in ("precision", *_SHAPE) if column not in columns]
    if missing:
        raise InputError(f"{where}: missing column '{missing[0]}'; expected precision, m, n, k and time_s or tflops")
    if sum(column in columns for column in _TIMES) != 1:
        raise InputError(f"{where}: got columns {', '.join(columns)}; expected one of time_s and tflops")


def _product(row: Mapping[str, str], where: str) -> MeasuredGemm:
    sides = {name: _whole(row[name], f"{where}: {name}") for name in _SHAPE}
    sides |= {name: _whole(row.get(name) or "1", f"{where}: {name}") for name in _OPTIONAL}
    if sides["batch"] > 1 and sides["groups"] > 1:
        raise InputError(f"{where}: got batch {sides['batch']} and groups {sides['groups']}; expected one of them")
    if not row["precision"]:
        raise InputError(f"{where}: precision: got nothing, expected a name such as bf16")
    column = "time_s" if "time_s" in row else "tflops"
    value = _positive(row[column], f"{where}: {column}")
    flop = 2.0 * math.prod(sides.values())
    time_s = value if column == "time_s" else flop / (value * 1e12)
    if not 0 < time_s <= LONGEST_S:
        raise InputError(f"{where}: {column}: got '{row[column]}', {time_s:g} s; expected at most {LONGEST_S:g} s")
    return MeasuredGemm(shape=GemmShape(precision=row["precision"], **sides), time_s=time_s, where=where)


def _whole(text: str, where: str) -> int:
    # Python refuses to read numbers of thousands of digits, with an error of its own.
    short = text[:20]
    if not (text.isascii() and text.isdecimal()) or int(short) < 1:
        raise InputError(f"{where}: got '{text}', expected a whole number of at least 1")
    if len(text.lstrip("0")) > 10 or int(text) > MOST:
        raise InputError(f"{where}: got '{short}{'...' if text != short else ''}', expected at most {MOST:,}")
    return int(text)


def _positive(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{where}: got '{text}', expected a number above zero")
    return value
