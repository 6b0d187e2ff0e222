"""The picture of `sensitivity`: the tornado of cost, and elasticities beside it."""

from collections.abc import Iterator

from sim.report.svg import box, text
from sim.report.text import Result, short_usd

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW = 980, 190, 110, 84, 26

_STYLE = """.bg{fill:#fff}text{fill:#222;font:13px sans-serif}.soft{fill:#5a5a5a}.axis{stroke:#888}
.up{fill:#C1542F}.down{fill:#2F7FC1}
@media(prefers-color-scheme:dark){.bg{fill:#14171a}text{fill:#e4e4e4}.soft{fill:#a8a8a8}}"""


def sensitivity_picture(result: Result) -> str:
    """Return an SVG of two panels: cost with one input at its 5th and 95th percentile, and elasticities of cost.

    Reads `tornado`, `elasticities`, `cost_usd` of the JSON.
    """
    layers = [each for each in result["elasticities"] if each["cost"] is not None and each["cost"]["mean"] != 0]
    below = _TOP + _ROW * len(result["tornado"]) + 70
    height = below + _ROW * len(layers) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="bg" width="{_WIDTH}" height="{height}"/>',
        text(20, 28, f"{result['scenario']}: what moves its cost", style='font-weight="bold"'),
        text(20, 50, "one input at its 5th (blue) and 95th (rust) percentile, the others as they are", "soft"),
        *_tornado(result),
        text(20, below - 24, "elasticity of cost: % for +1 %", "soft"),
        *_elasticities(layers, below),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _tornado(result: Result) -> Iterator[str]:
    rows, middle = result["tornado"], float(result["as_it_is_usd"])
    ends = [middle, *(usd for row in rows for usd in row["cost_usd"])]
    low, high = min(ends), max(ends)

    def across(usd: float) -> float:
        return float(_LEFT + 60 + (usd - low) / ((high - low) or 1.0) * (_WIDTH - _LEFT - _RIGHT - 60))

    for place, row in enumerate(rows):
        y = _TOP + _ROW * place
        yield text(20, y + 5, row["input"])
        for usd, kind in zip(row["cost_usd"], ("down", "up"), strict=True):
            left, right = sorted((across(usd), across(middle)))
            yield box(kind, left, y - 9, max(right - left, 1.0), 18, short_usd(usd), 0)
        first, last = sorted(row["cost_usd"])
        yield text(min(across(first), across(middle)) - 6, y + 5, short_usd(first), "soft", style='text-anchor="end"')
        yield text(max(across(last), across(middle)) + 6, y + 5, short_usd(last), "soft")
    bottom = _TOP + _ROW * len(rows) - 10
    yield f'<line class="axis" x1="{across(middle):.1f}" x2="{across(middle):.1f}" y1="{_TOP - 14}" y2="{bottom}"/>'


def _elasticities(layers: list[Result], top: int) -> Iterator[str]:
    widest = max((abs(each["cost"]["mean"]) for each in layers), default=1.0)
    centre, reach = (_LEFT + _WIDTH - _RIGHT) / 2, (_WIDTH - _LEFT - _RIGHT) / 2 - 60
    for place, each in enumerate(sorted(layers, key=lambda each: -abs(each["cost"]["mean"]))):
        y, mean = top + _ROW * place, each["cost"]["mean"]
        length = abs(mean) / widest * reach
        yield text(20, y + 5, each["name"])
        yield box(
            "up" if mean > 0 else "down", centre - (length if mean < 0 else 0), y - 9, max(length, 1.0), 18, "", 0
        )
        anchor = "start" if mean > 0 else "end"
        tip = centre + (length + 6) * (1 if mean > 0 else -1)
        yield text(tip, y + 5, f"{mean:+.3f}", "soft", style=f'text-anchor="{anchor}"')
    yield f'<line class="axis" x1="{centre}" x2="{centre}" y1="{top - 14}" y2="{top + _ROW * len(layers) - 10}"/>'
