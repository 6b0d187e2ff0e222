"""The picture of a step: what every pipeline stage does when, as one SVG file written by hand.

A row a stage: blocks are operations, empty is idle, the strip below is the data-parallel stream. A step with too many
operations to be read keeps its first and its last window, with a break between them that says what is left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from textwrap import shorten
from typing import NamedTuple
from xml.sax.saxutils import escape

from sim.engine.step import StepTimeline
from sim.quantities import show, show_count
from sim.report.step.chrome_trace import operation_names
from sim.report.svg import FONT, text
from sim.report.text import Result, percent
from sim.workload.step_plan import PAIR, PART, Structure, pipeline_key, structure

COLORS = {
    "f": "#2F7FC1",
    "b": "#E69F00",
    "w": "#00966E",
    "u": "#D5602B",
    "o": "#96583A",
    "h": "#8A8A8A",
    "g": "#C98BD6",
    "r": "#7A5AA6",
}
"""By kind: forward, backward, weight gradient, backward with it in one, optimizer, overhead, gathers, reductions."""

KINDS = "fbwup"
"""Letter of each kind of a structure; a pair (p) is drawn as its two halves."""

LIMIT = 6000
"""Blocks in a picture, so that it stays below a megabyte."""

WINDOW = 120
"""Blocks a stage where not all are drawn: few enough to be told apart."""

NAMED = 3000
"""With more blocks than this none has its name and times to show under the pointer."""

STRIPS = 3000
"""Pieces of data-parallel strips in a picture; closer ones are drawn as one."""

_WIDTH, _LEFT, _CHART, _GAP, _TOP = 1340, 78, 1190, 64, 92
_LETTER = 6.4

_STYLE = """.bg{fill:#fff}.lane{fill:#f1f1f1}text{fill:#222}.soft{fill:#5a5a5a}.k{fill:#111}.w{fill:#fff}
.n{font-size:9px;text-anchor:middle}.m{text-anchor:middle}.e{text-anchor:end}.grid{stroke:#d4d4d4}
.cut{stroke:#777;stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}.lane{fill:#24282d}text{fill:#e4e4e4}.soft{fill:#a8a8a8}
.k{fill:#111}.w{fill:#fff}.grid{stroke:#3a4047}.cut{stroke:#999}}"""


class Block(NamedTuple):
    """A block of a row: when, its kind (a key of COLORS) and chunk, name and microbatch; half: 1 upper, 2 lower."""

    start_ns: int
    end_ns: int
    kind: str
    chunk: int
    name: str
    number: str
    half: int = 0


class Window(NamedTuple):
    """A part of the step that is drawn, and where it begins."""

    start_ns: int
    end_ns: int
    x: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawn windows on one scale (pixels a nanosecond), and rows: distance, height of blocks and of strips."""

    windows: tuple[Window, ...]
    scale: float
    pitch: float
    block: float
    strip: float
    chunks: int

    def spans(self, start_ns: int, end_ns: int) -> Iterator[tuple[float, float]]:
        """Yield where a time lies, from and to; nothing where it falls into the break."""
        for window in self.windows:
            start, end = max(start_ns, window.start_ns), min(end_ns, window.end_ns)
            if start < end:
                origin = window.x - self.scale * window.start_ns
                yield origin + self.scale * start, origin + self.scale * end


def step_picture(timeline: StepTimeline, answer: Result) -> str:
    """Return the picture of a step with what its JSON says of it."""
    gpus = f"{show_count(answer['job_gpus'])} {answer['accelerator']}"
    title = f"{answer['name']}: one step of {answer['model']} on {gpus}"
    facts = (
        f"Step {show(answer['step_time_s'], 'time', 4)}, MFU {percent(answer['mfu'])}, "
        f"bubble {percent(answer['bubble_fraction'])}, {show_count(answer['microbatches'])} microbatches"
    )
    return pipeline_svg(timeline, title, facts)


def pipeline_svg(timeline: StepTimeline, title: str, facts: str = "") -> str:
    """Return a step as SVG: a row a stage, time in ms, a legend with the share of each kind in the GPU-time.

    facts: what the second line begins with, before the schedule and the time that is drawn.
    """
    shape = structure(pipeline_key(timeline.plan))
    rows = [list(stage_blocks(timeline, shape, index)) for index in range(timeline.plan.stages)]
    chart = _chart(timeline, rows)
    bottom = _TOP + chart.pitch * len(rows)
    legend, below = _legend(timeline, shape, bottom + 54)
    notes = _notes(timeline, rows, chart)
    height = below + 18 * len(notes) + 14
    lines = [
        *_head(height, rows, chart, title),
        text(20, 30, shorten(title, 104, placeholder="..."), size=18, style='font-weight="bold"'),
        text(20, 54, ", ".join(filter(None, (facts, _schedule(timeline)))), "soft", 13),
        *_axis(chart, bottom),
        *_rows(timeline, rows, chart),
        *_break(rows, chart, bottom),
        *legend,
        *(text(20, below + 18 * i, note, "soft") for i, note in enumerate(notes)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def stage_blocks(timeline: StepTimeline, shape: Structure, index: int) -> Iterator[Block]:
    """Yield the blocks of a stage in time: its operations, a pair as two halves, then optimizer and overhead."""
    stage = timeline.stages[index]
    for position, (start_ns, end_ns) in enumerate(zip(stage.starts, stage.ends, strict=True)):
        if shape.kind[index][position] != PART:
            yield from _operation(shape, index, position, start_ns, end_ns)
    begin = timeline.updates_ns[index]
    over = begin + timeline.plan.optimizer_ns[index]
    closing = (
        Block(begin, over, "o", 0, "optimizer", ""),
        Block(over, over + timeline.plan.overhead_ns, "h", 0, "overhead", ""),
    )
    yield from (block for block in closing if block.end_ns > block.start_ns)


def _operation(shape: Structure, index: int, position: int, start_ns: int, end_ns: int) -> Iterator[Block]:
    kind, names = shape.kind[index][position], operation_names(shape, index, position)
    paired = kind == PAIR
    for half, (letter, name) in enumerate(zip("fu" if paired else KINDS[kind], names, strict=True)):
        at = position - 1 if paired and half == 0 else position
        chunk, number = shape.chunk[index][at], str(shape.microbatch[index][at])
        yield Block(start_ns, end_ns, letter, chunk, name, number, half + 1 if paired else 0)


def _end_ns(timeline: StepTimeline, rows: Sequence[Sequence[Block]]) -> int:
    return max(*timeline.reduced_ns, *(row[-1].end_ns for row in rows), max(timeline.begins_ns) + timeline.step_ns)


def _chart(timeline: StepTimeline, rows: Sequence[Sequence[Block]]) -> Chart:
    """Return the scales: everything, or two windows of equal length at the ends."""
    end, pitch = _end_ns(timeline, rows), min(34.0, max(10.0, 1000 / len(rows)))
    windows, scale = _windows(end, _window_ns(rows, end))
    return Chart(windows, scale, pitch, round(0.64 * pitch), round(max(2.0, 0.13 * pitch), 1), timeline.plan.chunks)


def _windows(end_ns: int, half_ns: int | None) -> tuple[tuple[Window, ...], float]:
    """Return what is drawn and its scale."""
    if half_ns is None:
        return (Window(0, end_ns, _LEFT),), _CHART / end_ns
    room = (_CHART - _GAP) / 2
    return (Window(0, half_ns, _LEFT), Window(end_ns - half_ns, end_ns, _LEFT + room + _GAP)), room / half_ns


def _window_ns(rows: Sequence[Sequence[Block]], end_ns: int) -> int | None:
    """Return how much of both ends is drawn so that there are not too many blocks, None if everything is."""
    near = sorted(min(block.start_ns, end_ns - block.end_ns) for row in rows for block in row)
    if len(near) <= LIMIT:
        return None
    half = max(1, near[min(LIMIT, WINDOW * len(rows)) - 1])
    return half if 2 * half < end_ns else None


def _head(height: float, rows: Sequence[Sequence[Block]], chart: Chart, title: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}" '
        f'height="{height:g}" font-family="{FONT}" font-size="12" role="img">'
    )
    kinds = sorted({(block.kind, block.chunk) for row in rows for block in row} | {("g", 0), ("r", 0)})
    fills = "".join(f".{kind}{chunk}{{fill:{_shade(kind, chunk, chart.chunks)}}}" for kind, chunk in kinds)
    yield f"<title>{escape(title)}</title><style>{_STYLE}\n{fills}</style>"
    yield f'<rect class="bg" width="{_WIDTH}" height="{height:g}"/>'


def _shade(kind: str, chunk: int, chunks: int) -> str:
    """Return a kind's colour, lighter for the first chunks.

    >>> _shade("f", 0, 1), _shade("f", 0, 2), _shade("f", 1, 2)
    ('#2F7FC1', '#A1C5E3', '#2F7FC1')
    """
    light = 0.0 if chunks == 1 or kind not in "fbwu" else 0.55 * (1 - chunk / (chunks - 1))
    return "#" + "".join(f"{round(part + (255 - part) * light):02X}" for part in _parts(COLORS[kind]))


def _parts(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def _ink(block: Block, chunks: int) -> str:
    """Return the class of a number that can be read on a block: dark or white."""
    red, green, blue = _parts(_shade(block.kind, block.chunk, chunks))
    return "k" if 0.3 * red + 0.59 * green + 0.11 * blue > 125 else "w"


def _rows(timeline: StepTimeline, rows: Sequence[Sequence[Block]], chart: Chart) -> Iterator[str]:
    """Draw the stages: name, lane, blocks, strip, and how much of the step it is idle."""
    every, near = ceil(13 / chart.pitch), _nearness(timeline, chart)
    named = sum(any(chart.spans(block.start_ns, block.end_ns)) for row in rows for block in row) <= NAMED
    yield text(_WIDTH - 14, _TOP - 10, "idle", "soft e")
    for index, row in enumerate(rows):
        yield f'<g transform="translate(0,{_TOP + chart.pitch * index:g})">'
        if index % every == 0:
            yield text(_LEFT - 8, chart.block / 2 + 4, f"stage {index}", "e")
            yield text(_WIDTH - 14, chart.block / 2 + 4, percent(_idle(timeline, row)), "e")
        begin = timeline.begins_ns[index]
        yield from (_rect("lane", *span, 0, chart.block) for span in chart.spans(begin, begin + timeline.step_ns))
        for block in row:
            yield from _drawn(block, chart, named)
        yield from _strip(timeline, index, chart, near)
        yield "</g>"


def _drawn(block: Block, chart: Chart, named: bool) -> Iterator[str]:
    """Draw a block, with the number of its microbatch where that fits."""
    height = chart.block / 2 if block.half else chart.block
    top = height if block.half == 2 else 0.0
    for start, end in chart.spans(block.start_ns, block.end_ns):
        hint = f"{block.name}: {_ms(block.start_ns)} to {_ms(block.end_ns)} ms" if named else ""
        yield _rect(f"{block.kind}{block.chunk}", start, end, top, height, hint)
        if block.number and height >= 10 and end - start >= 5.8 * len(block.number) + 1:
            yield text((start + end) / 2, top + height / 2 + 3.3, block.number, f"n {_ink(block, chart.chunks)}")


def _strip(timeline: StepTimeline, index: int, chart: Chart, near_ns: int) -> Iterator[str]:
    for kind, start_ns, end_ns in _merged(timeline, index, near_ns):
        for span in chart.spans(start_ns, end_ns):
            yield _rect(f"{kind}0", *span, chart.block + 1.5, chart.strip)


def _merged(timeline: StepTimeline, index: int, near_ns: int) -> Iterator[tuple[str, int, int]]:
    """Yield kind, start and end of a stage's collectives; those of a kind with less than near_ns between are one."""
    last: tuple[str, int, int] | None = None
    for one in timeline.stages[index].collectives:
        kind = "r" if one.kind == "reduce" else "g"
        if last is not None and (
            one.end_ns - last[1] <= near_ns or (kind == last[0] and one.start_ns - last[2] <= near_ns)
        ):
            last = (last[0], last[1], one.end_ns)
            continue
        if last is not None:
            yield last
        last = (kind, one.start_ns, one.end_ns)
    if last is not None:
        yield last


def _nearness(timeline: StepTimeline, chart: Chart) -> int:
    """Return from which distance on collectives are drawn apart: a third of a pixel, more if there are too many."""
    near = max(1, floor(0.3 / chart.scale))
    while _pieces(timeline, chart, near) > STRIPS:
        near *= 2
    return near


def _pieces(timeline: StepTimeline, chart: Chart, near_ns: int) -> int:
    stages = range(timeline.plan.stages)
    return sum(any(chart.spans(*when)) for i in stages for _, *when in _merged(timeline, i, near_ns))


def _idle(timeline: StepTimeline, row: Iterable[Block]) -> float:
    """Return the share of the step in which a stage runs nothing."""
    return 1 - sum(block.end_ns - block.start_ns for block in row if block.half != 2) / timeline.step_ns


def _axis(chart: Chart, bottom: float) -> Iterator[str]:
    """Draw round ticks of each window, and what they count."""
    yield text(_LEFT - 22, bottom + 18, "ms", "soft e")
    step_ns = _round_up(95 / chart.scale)
    for window in chart.windows:
        for tick in range(ceil(window.start_ns / step_ns), floor(window.end_ns / step_ns) + 1):
            x = window.x + chart.scale * (tick * step_ns - window.start_ns)
            yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{bottom + 4:g}"/>'
            yield text(x, bottom + 18, _ms(tick * step_ns), "soft m")


def _round_up(value: float) -> int:
    """Return the next 1, 2 or 5 times a power of ten.

    >>> _round_up(3.2), _round_up(51), _round_up(0.2)
    (5, 100, 1)
    """
    power = 10 ** floor(log10(max(value, 1.0)))
    return next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= value)


def _ms(time_ns: float) -> str:
    """Return a time in ms without zeros at the end.

    >>> _ms(1_500_000), _ms(12_000_000_000), _ms(250)
    ('1.5', '12,000', '0.00025')
    """
    text = f"{time_ns / 1e6:,.6f}"
    return text.rstrip("0").rstrip(".")


def _break(rows: Sequence[Sequence[Block]], chart: Chart, bottom: float) -> Iterator[str]:
    """Mark what is left out between two windows."""
    if len(chart.windows) == 1:
        return
    first, last = chart.windows
    left = last.x - _GAP
    for x in (left + 4, last.x - 4):
        yield f'<line class="cut" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{bottom:g}"/>'
    yield text(left + _GAP / 2, _TOP - 10, _left_out(rows, first, last), "m", style='font-weight="bold"')


def _left_out(rows: Sequence[Sequence[Block]], first: Window, last: Window) -> str:
    inside = sum(b.start_ns >= first.end_ns and b.end_ns <= last.start_ns for row in rows for b in row if b.half != 2)
    return f"{(last.start_ns - first.end_ns) / 1e6:,.0f} ms with {inside:,} operations left out"


def _legend(timeline: StepTimeline, shape: Structure, y: float) -> tuple[list[str], float]:
    """Return the legend and where it ends: each kind with its share of the GPU-time of the whole step."""
    lines, x = [], 20.0
    for swatches, label in _entries(timeline, shape):
        width = 13 * len(swatches) + 8 + _LETTER * len(label) + 22
        if x + width > _WIDTH:
            x, y = 20.0, y + 22
        lines += [_rect(kind, x + 13 * i, x + 13 * i + 13, y - 10, 12) for i, kind in enumerate(swatches)]
        lines.append(text(x + 13 * len(swatches) + 6, y, label))
        x += width
    return lines, y + 26


def _entries(timeline: StepTimeline, shape: Structure) -> Iterator[tuple[list[str], str]]:
    """Yield swatches and text of the legend; the shares of a step's GPU-time come to 100 %."""
    plan, spent = timeline.plan, _spent(timeline, shape)
    whole, last = plan.stages * timeline.step_ns, plan.chunks - 1
    for kind, label in _labels(bool(plan.weight)).items():
        swatches = [f"f{last}", f"u{last}"] if kind == "p" else [f"{kind}{last if kind in KINDS else 0}"]
        if spent[kind]:
            yield swatches, f"{label} {_share(spent[kind] / whole)}"
    yield ["lane"], f"idle {percent(1 - sum(spent.values()) / whole)}"
    used = {one.kind == "reduce" for stage in timeline.stages for one in stage.collectives}
    yield from ((["r0" if r else "g0"], f"data-parallel {'reductions' if r else 'gathers'}") for r in sorted(used))
    if last:
        yield [f"f{chunk}" for chunk in range(last + 1)][:12], f"chunk 0 to {last}"


def _share(fraction: float) -> str:
    return percent(fraction) if fraction >= 0.0005 else "<0.1 %"


def _labels(split: bool) -> dict[str, str]:
    return {
        "f": "forward",
        "b": "backward of the input" if split else "backward",
        "w": "weight gradient",
        "u": "backward with weight gradient",
        "p": "pair in one: forward above, backward with weight gradient below",
        "o": "optimizer",
        "h": "step overhead",
    }


def _spent(timeline: StepTimeline, shape: Structure) -> Counter[str]:
    """Return the time of all stages by kind."""
    spent: Counter[str] = Counter(o=sum(timeline.plan.optimizer_ns), h=timeline.plan.overhead_ns * timeline.plan.stages)
    for stage, kinds in zip(timeline.stages, shape.kind, strict=True):
        for kind, start_ns, end_ns in zip(kinds, stage.starts, stage.ends, strict=True):
            if kind != PART:
                spent[KINDS[kind]] += end_ns - start_ns
    return spent


def _notes(timeline: StepTimeline, rows: Sequence[Sequence[Block]], chart: Chart) -> list[str]:
    """Return what a reader has to know to read the picture."""
    notes = [
        "Percentages: shares of the whole step's GPU-time. Numbers: microbatches. Blocks hold the communication within "
        "an operation: tensor, context, expert.",
        "Idle: bubble, imbalance, and what a stage waits for messages, and for the collectives in the strip under it.",
    ]
    if any(timeline.begins_ns):
        notes.append("Stages do not wait for each other at the end: each has its step at a time of its own.")
    if len(chart.windows) > 1:
        count = sum(block.half != 2 for row in rows for block in row)
        notes.append(f"The step has {count:,} operations: only its beginning and its end are drawn, on one scale.")
    if any(stage.collectives for stage in timeline.stages) and _nearness(timeline, chart) * chart.scale > 0.5:
        notes.append("Data-parallel collectives close to each other are drawn as one.")
    return notes


def _schedule(timeline: StepTimeline) -> str:
    plan = timeline.plan
    chunks = f" x {plan.chunks} chunks" if plan.chunks > 1 else ""
    drawn = f"drawn: a replica of nominal speed, {show(timeline.step_ns * 1e-9, 'time', 4)}"
    return f"{plan.schedule}, {plan.stages} stage{'s' * (plan.stages > 1)}{chunks}; {drawn}"


def _rect(kind: str, start: float, end: float, top: float, height: float, hint: str = "") -> str:
    """Return a rectangle; one wide enough leaves a hair to the next."""
    width = max(end - start - (0.5 if end - start > 3 and kind != "lane" else 0), 0.4)
    at = f' y="{top:g}"' if top else ""
    shape = f'<rect class="{kind}" x="{start:.1f}"{at} width="{width:.1f}" height="{height:g}"'
    return f"{shape}><title>{escape(hint)}</title></rect>" if hint else f"{shape}/>"
