"""A downsampled curve of bounded size: when it is full, every second point is dropped and the
gap doubles."""

from decimal import Decimal

from msgspec import Struct

from deadreckon.contracts.event import NANOSECONDS

POINTS_MAX = 256  # more than any terminal has columns


class Point(Struct, frozen=True, gc=False):
    """One sample: `equity` in the reporting currency, `price` of the curve's instrument."""

    at: int
    equity: Decimal
    price: Decimal


class Curve(Struct):
    """Points at least `gap` nanoseconds of decision time apart, oldest first."""

    gap: int = NANOSECONDS
    due: int = 0
    points: list[Point] = []

    def add(self, point: Point) -> None:
        """Keep a point that is due; call `is_due` before making one."""
        self.points.append(point)
        if len(self.points) > POINTS_MAX:
            self.points = self.points[::2]
            self.gap *= 2
        self.due = point.at + self.gap

    def is_due(self, at: int) -> bool:
        """Return True when a point at this time (nanoseconds UTC) would be kept."""
        return at >= self.due
