"""The picture of the waterfall."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from sim.report.run.figures import THINNEST, cascade, waterfall_svg
from tests.report.examples import run_result


def test_the_cascade_falls_from_100_percent_to_the_effective_mfu() -> None:
    rows = cascade(run_result())
    assert (rows[0].label, rows[0].end) == ("peak", 100)
    assert (rows[-1].label, rows[-1].end) == ("useful FLOP", 36.0)


def test_each_loss_begins_where_what_is_left_ends() -> None:
    left = 100.0
    for row in cascade(run_result()):
        if row.milestone:
            assert row.end == pytest.approx(left)
        else:
            assert row.start == pytest.approx(left - row.tenths / 10)
            left = row.start


def test_every_bar_is_wide_enough_to_be_seen() -> None:
    assert all(row.end - row.start >= THINNEST - 1e-9 for row in cascade(run_result()))


def test_milestones_hold_the_gpu_hours_that_are_left() -> None:
    result = run_result()
    milestones = {row.label: row.gpu_hours for row in cascade(result) if row.milestone}
    assert milestones["peak"] == pytest.approx(1_000_000)
    assert milestones["in the job"] == pytest.approx(result["job_gpu_hours"])
    assert milestones["useful FLOP"] == pytest.approx(360_000)
    assert all(before >= after for before, after in pairwise(milestones.values()))


def test_the_picture_is_well_formed_and_the_same_every_time() -> None:
    first = waterfall_svg(run_result())
    assert first == waterfall_svg(run_result())
    assert first != waterfall_svg(run_result(2_000_000))
    root = ElementTree.fromstring(first)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"peak", "bubble", "useful FLOP", "36.0 %", "360 k GPU-h"} <= set(texts)


def test_no_bar_leaves_the_picture_and_names_are_escaped() -> None:
    root = ElementTree.fromstring(waterfall_svg(run_result() | {"name": "a < b & c"}))
    width = float(root.attrib["width"])
    bars = [element.attrib for element in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert all(0 <= float(bar.get("x", 0)) <= width - float(bar["width"]) for bar in bars)
    assert any("a < b & c" in (text or "") for text in root.itertext())
