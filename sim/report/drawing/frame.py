"""Around every drawing: its title, what the fabric consists of, the legend, and notes."""

from collections.abc import Iterator, Sequence

from sim.cluster.contract import MEDIA, links
from sim.quantities import show, show_count
from sim.report.drawing.subject import Subject
from sim.report.svg import FONT, Sketch, Stroke, box, moved, straight, strokes, text, text_width
from sim.report.text import Result

LEAST_PX = 760
_HEAD = 84
_SAMPLE = straight(0, 0, 30, 0)


STYLE = """.bg{fill:#fff}text{fill:#222}.soft{fill:#5a5a5a}.b{font-weight:bold}.m{text-anchor:middle}.e{text-anchor:end}
.halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}.thin{fill:#A65E00;font-weight:bold}
.gone{fill:#C81E1E;font-weight:bold}.box{fill:#eef2f6;stroke:#51606e}.nic{fill:#dfe8d8;stroke:#5d7350}
.card{fill:#fff;stroke:#b6bec6}.frame{fill:none;stroke:#8a949e;stroke-dasharray:6 4}.home{fill:#f4f6ee;stroke:#9aa58a}
.lit{fill:none;stroke:#FFC107;stroke-opacity:.7;stroke-width:5}
.dead{fill:#fff;stroke:#C81E1E;stroke-width:2;stroke-dasharray:4 3}
.s{fill:none}.copper{stroke:#B5651D}.optic{stroke:#2F7FC1}.nvlink{stroke:#4F8F00}.pcie{stroke:#7d7d7d}
.wan{stroke:#8E5BD0}.on-chip{stroke:#9aa0a6}.hot{stroke:#FFC107;stroke-opacity:.6}.scale-up{stroke:#4F8F00}
.lost{stroke:#C81E1E;stroke-dasharray:6 5}.slow{stroke:#C81E1E;stroke-dasharray:2 3}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}.halo{stroke:#14171a}
.thin{fill:#FFC45C}.gone{fill:#FF7A70}.box{fill:#27313b;stroke:#8fa0b0}.nic{fill:#2b3626;stroke:#93ab84}
.card{fill:#14171a;stroke:#4d5760}.frame{stroke:#77828d}.home{fill:#1d2119;stroke:#66705a}
.dead{fill:#14171a;stroke:#FF7A70}.copper{stroke:#D98B4A}.optic{stroke:#5AA5E0}.nvlink,.scale-up{stroke:#86C440}
.pcie{stroke:#a0a0a0}.wan{stroke:#B690EC}.on-chip{stroke:#7d858c}.lost,.slow{stroke:#FF7A70}}"""


def framed(name: str, subject: Subject, facts: Result, body: Sketch) -> str:
    """Return the SVG file: title and facts (of `topology --json`), the body, its legend and notes."""
    title = name if name == facts["family"] else f"{name}: {facts['family']}"
    head = [f"{title}, {show_count(facts['hosts'])} endpoints", *_facts(facts)]
    notes = body.notes
    wide = [text_width(head[0], 19), *(text_width(each, 12) for each in (*head[1:], *notes))]
    width = max(body.width + 20, LEAST_PX, *(each + 40 for each in wide))
    legend = [*_legend(subject, facts), *_scale_up(body)]
    legend_lines, bottom = _laid(legend, width, _HEAD + body.height + 22)
    height = bottom + 18 * len(notes) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="{FONT}" font-size="12" role="img">',
        f"<style>{STYLE}</style>",
        box("bg", 0, 0, width, height, "", 0),
        text(20, 30, head[0], "b", 17),
        *(text(20, 52 + 18 * place, each, "soft") for place, each in enumerate(head[1:])),
        *moved(body.lines, 0, _HEAD),
        *legend_lines,
        *(text(20, bottom + 18 * place, note, "soft") for place, note in enumerate(notes)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _facts(facts: Result) -> Iterator[str]:
    tiers = " + ".join(f"{show_count(count)} {tier}" for tier, count in facts["switches_by_tier"].items())
    made = f"{show_count(facts['switches'])} switches ({tiers})" if tiers else "chips are their own routers"
    share = facts["bisection_bytes_per_s"] / max(facts["gpus"] / 2, 1)
    yield (
        f"{show_count(facts['gpus'])} GPUs, {made}, {show_count(facts['links_total'])} cables, diameter "
        f"{facts['diameter_hops']} hops, bisection {show(facts['bisection_bytes_per_s'], 'bandwidth')} "
        f"({show(share, 'bandwidth')} a GPU)"
    )
    asked = facts["collective"]
    rate = facts["busbw"][asked["kind"]]
    yield (
        f"{asked['kind']} of 1 GiB over all GPUs of the job: {show(rate, 'bandwidth', unit='GB/s')} of bus bandwidth; "
        f"bound by {asked['bottleneck']}"
    )


def _legend(subject: Subject, facts: Result) -> Iterator[tuple[list[Stroke], str]]:
    """Yield sample strokes, from (0, 0), and what they mean."""
    media = {link["medium"] for _, _, link in links(subject.graph)}
    path = _SAMPLE
    yield from (([Stroke(medium, 3, path)], medium) for medium in MEDIA if medium in media)
    bound = facts["collective"]
    if subject.bottleneck:
        label = f"binds {bound['kind']}: {bound['bottleneck']}, loaded {bound['load']:.2f} times a NIC"
        yield [Stroke("hot", 9, path)], label
    hits = subject.damage.links.values()
    if any(hit.left == 0 for hit in hits):
        yield [Stroke("lost", 2, path)], "lost"
    if any(0 < hit.left < 1 for hit in hits):
        yield [Stroke("slow", 2.4, path)], "degraded, or some of its cables lost"


def _scale_up(body: Sketch) -> Iterator[tuple[list[Stroke], str]]:
    if body.scale_up:
        yield [Stroke("scale-up", 1.6, _SAMPLE)], body.scale_up


def _laid(entries: Sequence[tuple[list[Stroke], str]], width: float, y: float) -> tuple[list[str], float]:
    """Return the lines of the legend, and where what follows begins."""
    lines, x = [], 20.0
    for samples, label in entries:
        wide = 38 + text_width(label, 12) + 24
        if x > 20 and x + wide > width:
            x, y = 20.0, y + 20
        lines += [*moved(strokes(samples), x, y - 4), text(x + 38, y, label)]
        x += wide
    return lines, y + 24
