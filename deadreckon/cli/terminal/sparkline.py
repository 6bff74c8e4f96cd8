"""Curves drawn with the dots of braille letters, eight to a character."""

from collections.abc import Sequence

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # left and right, top to bottom
BLANK = 0x2800


def braille_line(values: Sequence[float], width: int, height: int) -> list[str]:
    """Draw values as a curve over the whole width, top line first; blank for fewer than two."""
    cells = [[BLANK] * width for _ in range(height)]
    if len(values) > 1:
        steps = _spread(values, 2 * width)
        low, high = min(steps), max(steps)
        scale = (4 * height - 1) / (high - low) if high > low else 0.0
        rows = [round((high - value) * scale) for value in steps]
        if not scale:
            rows = [2 * height] * len(steps)
        _draw(cells, rows)
    return ["".join(map(chr, line)) for line in cells]


def _spread(values: Sequence[float], columns: int) -> list[float]:
    """Return one value per column: the nearest one in time."""
    last = len(values) - 1
    return [values[round(column * last / (columns - 1))] for column in range(columns)]


def _draw(cells: list[list[int]], rows: list[int]) -> None:
    """Draw dots from each column's value to the one before, so that the line has no gaps."""
    before = rows[0]
    for column, row in enumerate(rows):
        step = 1 if row > before else -1
        start = row if row == before else before + step
        for y in range(start, row + step, step):
            cells[y // 4][column // 2] |= DOTS[column % 2][y % 4]
        before = row
