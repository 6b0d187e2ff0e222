"""The picture of a step: well-formed, every operation once, bounded, and its numbers those of the timeline."""

import re
from collections import Counter
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from sim.engine.step import StepTimeline, simulate_step
from sim.report.step.pipeline_picture import LIMIT, WINDOW, pipeline_svg, step_picture
from tests.engine.plans import uniform_plan
from tests.report.examples import step_result
from tests.report.test_chrome_trace import KINDS, OPTIONS, timeline_of

SVG = "{http://www.w3.org/2000/svg}"
MS = 1_000_000


def drawn(timeline: StepTimeline, **facts: str) -> ElementTree.Element:
    return ElementTree.fromstring(pipeline_svg(timeline, "a step", **facts))


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def blocks(root: ElementTree.Element) -> dict[int, list[tuple[str, float, float]]]:
    """Return (name, start, end) of the blocks of each stage, in pixels, from the text that shows under the pointer."""
    found = {}
    for stage, row in enumerate(root.iter(f"{SVG}g")):
        rects = [(each, each.find(f"{SVG}title")) for each in row.iter(f"{SVG}rect")]
        found[stage] = [
            ((title.text or "").split(":")[0], float(rect.attrib["x"]), float(rect.attrib["width"]))
            for rect, title in rects
            if title is not None
        ]
    return found


def slow(kind: str, **options: Any) -> StepTimeline:
    """Return a step whose operations take milliseconds."""
    times = {"forward_ns": 20 * MS, "backward_ns": 40 * MS}
    return simulate_step(uniform_plan(kind, **times, **options))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_is_drawn_once(kind: str, options: str) -> None:
    timeline = timeline_of(kind, OPTIONS[options])
    found = Counter(name for row in blocks(drawn(timeline)).values() for name, _, _ in row)
    operations = Counter({name: count for name, count in found.items() if name[0] in "FBW"})
    places = 4 if kind in ("gpipe", "1f1b", "zb-h1", "dualpipe") else 8
    assert sum(count for name, count in operations.items() if name[0] == "F") == 8 * places
    assert sum(count for name, count in operations.items() if name[0] == "B") == 8 * places
    assert found["optimizer"] == 4


def test_blocks_stand_where_the_timeline_says() -> None:
    timeline = slow("1f1b", stages=2, microbatches=3)
    scale = 1190 / timeline.step_ns
    for stage, row in blocks(drawn(timeline)).items():
        starts = [78 + scale * start for start in timeline.stages[stage].starts]
        assert [x for _, x, _ in row] == pytest.approx(starts, abs=0.06)


def test_a_pair_is_two_halves_at_one_time() -> None:
    timeline = timeline_of("dualpipe", OPTIONS["plain"])
    for row in blocks(drawn(timeline)).values():
        pairs = [(a, b) for a, b in pairwise(row) if a[1:] == b[1:]]
        assert pairs
        assert all((a[0][0], b[0][0]) == ("F", "B") for a, b in pairs)


def test_the_legend_shares_the_whole_step() -> None:
    timeline = slow("1f1b", stages=4, microbatches=8, optimizer_ns=10 * MS, overhead_ns=30 * MS)
    words = [text for text in texts(drawn(timeline)) if re.fullmatch(r"[a-z ]+ [\d.]+ %", text)]
    shares = {text.rsplit(" ", 2)[0]: float(text.rsplit(" ", 2)[1]) for text in words}
    assert set(shares) == {"forward", "backward", "optimizer", "step overhead", "idle"}
    assert sum(shares.values()) == pytest.approx(100, abs=0.3)
    assert shares["forward"] == pytest.approx(100 * 8 * 20 * MS / timeline.step_ns, abs=0.06)


def test_each_stage_says_how_idle_it_is() -> None:
    timeline = slow("gpipe", stages=3, microbatches=6)
    idle = 100 * (1 - 6 * 60 * MS / timeline.step_ns)
    assert texts(drawn(timeline)).count(f"{idle:.1f} %") == 3


@pytest.mark.parametrize("sync", ["global-norm", "post-validation"])
def test_a_row_is_as_long_as_the_step_also_where_stages_do_not_meet(sync: str) -> None:
    timeline = timeline_of("zb-h1", {"message_ns": 7, "optimizer_sync": sync})
    end = max(timeline.begins_ns) + timeline.step_ns
    root = drawn(timeline)
    for row in root.iter(f"{SVG}g"):
        (lane,) = [rect for rect in row.iter(f"{SVG}rect") if rect.attrib["class"] == "lane"]
        assert float(lane.attrib["width"]) == pytest.approx(1190 * timeline.step_ns / end, abs=0.06)
    assert any("time of its own" in text for text in texts(root)) == (sync == "post-validation")


def test_numbers_are_microbatches_where_they_fit() -> None:
    wide = texts(drawn(slow("1f1b", stages=2, microbatches=4)))
    assert [wide.count(str(number)) for number in (1, 2, 3)] == [4, 4, 4]
    narrow = texts(drawn(slow("1f1b", stages=2, microbatches=800)))
    assert not {"411", "617", "733"} & set(narrow)


def test_the_axis_has_round_ticks_in_ms() -> None:
    timeline = slow("1f1b", stages=2, microbatches=4)
    assert timeline.step_ns == 300 * MS
    ticks = [each.text for each in drawn(timeline).iter(f"{SVG}text") if each.attrib.get("class") == "soft m"]
    assert ticks == ["0", "50", "100", "150", "200", "250", "300"]


def test_a_long_step_keeps_its_ends_and_says_so() -> None:
    timeline = slow("1f1b", stages=8, microbatches=500)
    root = drawn(timeline)
    count = sum(len(row) for row in blocks(root).values())
    assert count <= WINDOW * 8 + 2 * 8
    said = next(text for text in texts(root) if text.endswith("operations left out"))
    left_out = int(said.split(" with ")[1].split()[0].replace(",", ""))
    assert left_out + count == pytest.approx(8 * 1000, abs=16)
    assert any(text.startswith("The step has 8,000 operations") for text in texts(root))
    names = {name for row in blocks(root).values() for name, _, _ in row}
    assert {"F0.c0", "B499.c0"} <= names
    assert "F250.c0" not in names


def test_a_step_at_the_limit_is_drawn_whole() -> None:
    timeline = slow("1f1b", stages=10, microbatches=LIMIT // 20)
    assert not any("left out" in text for text in texts(drawn(timeline)))


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "1f1b", "stages": 10, "microbatches": 300},
        {"kind": "interleaved", "stages": 8, "microbatches": 64, "chunks": 5, "regather": True, "reduces": "each"},
        {"kind": "1f1b", "stages": 96, "microbatches": 100, "regather": True, "reduces": "each"},
        {"kind": "gpipe", "stages": 1, "microbatches": 20_000},
        {"kind": "1f1b", "stages": 1, "microbatches": 1},
    ],
)
def test_a_picture_stays_below_a_megabyte(options: dict[str, Any]) -> None:
    data = {"blocks": 4, "gather_ns": 4 * MS, "reduce_ns": 4 * MS, "prefetch": 1, "message_ns": MS}
    timeline = slow(**{**data, **options})
    picture = pipeline_svg(timeline, "a step")
    assert len(picture.encode()) < 1_000_000
    ElementTree.fromstring(picture)


def test_collectives_are_a_strip_under_their_stage() -> None:
    timeline = slow("1f1b", stages=2, microbatches=2, gather_ns=10 * MS, reduce_ns=12 * MS)
    for row in drawn(timeline).iter(f"{SVG}g"):
        kinds = [rect.attrib["class"] for rect in row.iter(f"{SVG}rect") if rect.attrib["class"] in ("g0", "r0")]
        assert kinds == ["g0", "r0"]


def test_texts_of_a_line_do_not_overlap() -> None:
    """Legend and axis: with 6.3 pixels a letter, wider than the fonts asked for are on average."""
    for kind in KINDS:
        root = drawn(timeline_of(kind, OPTIONS["zero3"]))
        lines: dict[str, list[tuple[float, float]]] = {}
        for each in root.findall(f"{SVG}text"):
            width, x = 6.3 * len(each.text or ""), float(each.attrib["x"])
            style = each.attrib.get("class", "").split()
            start = x - (width if "e" in style else width / 2 if "m" in style else 0)
            lines.setdefault(each.attrib["y"], []).append((start, start + width))
        for spans in lines.values():
            ordered = sorted(spans)
            assert all(a[1] <= b[0] for a, b in pairwise(ordered))


def test_a_picture_serves_both_backgrounds_and_loads_nothing() -> None:
    picture = pipeline_svg(slow("1f1b", stages=2, microbatches=2), "a step")
    assert "prefers-color-scheme:dark" in picture
    assert re.findall(r"https?://[^\"]+", picture) == ["http://www.w3.org/2000/svg"]


def test_names_are_escaped_and_long_ones_cut() -> None:
    timeline = slow("1f1b", stages=2, microbatches=2)
    answer = step_result() | {"name": "a < b & c " + "word " * 80}
    root = ElementTree.fromstring(step_picture(timeline, answer))
    title = texts(root)[0]
    assert title.startswith("a < b & c word")
    assert len(title) <= 104
    assert texts(root)[1].startswith("Step 6.32 s, MFU 40.0 %, bubble 10.0 %, 16 microbatches, 1f1b, 2 stages; ")
