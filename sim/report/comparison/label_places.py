"""Where the names of dots stand, so that they hide neither each other nor what is drawn."""

from collections.abc import Sequence

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""

LETTER, LINE = 7, 14
"""Pixels: mean width of a letter, height of a line."""

_BELOW, _ABOVE = (0, 1, -1, 2, -2, 3, -3), (0, -1, 1, -2, 2, -3, 3)
"""How many lines below its dot a name may stand, by preference: the upper of two dots that are near has its above."""

_NEAR = 30
"""Pixels."""


def label_places(
    names: Sequence[str], places: Sequence[tuple[float, float]], drawn: Sequence[Box], left: float, right: float
) -> list[tuple[float, float]]:
    """Return the left end and middle height of each dot's name, where it hides nothing drawn and no other name.

    Names are placed from the top; right of the dot if that is free, else left, above, below, and further away. None
    goes beyond the left or right end of the drawing while there is another place.

    >>> label_places(["a", "b"], [(200.0, 50.0), (200.0, 50.0)], [], 0, 400)
    [(210.0, 50.0), (183.0, 50.0)]
    >>> label_places(["a"], [(395.0, 50.0)], [], 0, 400)
    [(378.0, 50.0)]
    """
    taken: list[Box] = []
    found = {}
    for index in sorted(range(len(names)), key=lambda index: (places[index][1], places[index][0])):
        cx, cy = places[index]
        width = LETTER * len(names[index])
        upper = any(cy < y < cy + _NEAR and abs(x - cx) < _NEAR for x, y in places)
        lines_below = _ABOVE if upper else _BELOW
        ways = [(start, cy + lines * LINE) for lines in lines_below for start in (cx + 10, cx - 10 - width)]
        boxes = [(start, middle - LINE / 2, start + width, middle + LINE / 2) for start, middle in ways]
        hidden = [_outside(box, left, right) + sum(_meet(box, other) for other in (*drawn, *taken)) for box in boxes]
        best = hidden.index(min(hidden))
        taken.append(boxes[best])
        found[index] = ways[best]
    return [found[index] for index in range(len(names))]


def _outside(box: Box, left: float, right: float) -> int:
    return (box[0] < left) + (box[2] > right)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
