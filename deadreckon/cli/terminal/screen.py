"""The live view of a run: frames on a terminal, a line now and then elsewhere."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.live import Live

from deadreckon.cli.terminal.dashboard import RunProgress, compose, one_line
from deadreckon.cli.terminal.lines import StyledLines
from deadreckon.projections.live_view.live_view import LiveViewFold
from deadreckon.runtime.process.cancellation import cancel_all

FRAME_SECONDS = 0.25  # between two frames at least
LINE_SECONDS = 5.0  # between two lines where there is no screen
COST_MAX = 0.02  # of the run's time that drawing may take; slow terminals get fewer frames
RATE_SECONDS = 4.0  # over which rates are taken
WIDTH_MIN, HEIGHT_MIN = 40, 12  # below this there is no room for a frame


class Screen:
    """Shows a board while a tape plays: `async with Screen(...) as screen: play(screen.update)`.

    `tail` tells the log's last sequence, `rows` how many of `rows_total` were played before,
    `url` where the gateway is.
    """

    def __init__(
        self,
        view: LiveViewFold,
        tail: Callable[[], int],
        rows: int,
        rows_total: int,
        url: str = "",
        console: Console | None = None,
    ) -> None:
        self._view = view
        self._tail = tail
        self._rows = rows
        self._rows_total = rows_total
        self._url = url
        self._console = console or Console(stderr=True, highlight=False)
        self._begun = time.monotonic()
        self._marks: deque[tuple[float, int, int]] = deque()
        self._task: asyncio.Task[None] | None = None

    def update(self, rows: int) -> None:
        """Take the number of rows of the tape that have been played."""
        self._rows = rows

    async def __aenter__(self) -> "Screen":
        self._task = asyncio.create_task(self.run(), name="screen")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task:
            await cancel_all([self._task])

    async def run(self) -> None:
        """Show frames until cancelled; the last one stays."""
        if can_draw(self._console):
            await self._animate()
        else:
            await self._write_lines()

    async def _animate(self) -> None:
        live = Live(console=self._console, auto_refresh=False, redirect_stdout=False)
        with live:
            try:
                while True:
                    cost = self._draw(live)
                    await asyncio.sleep(max(FRAME_SECONDS, cost / COST_MAX))
            finally:
                self._draw(live, over=True)

    def _draw(self, live: Live, *, over: bool = False) -> float:
        """Draw one frame; returns the seconds it took."""
        begun = time.perf_counter()
        width, height = self._console.size
        lines = compose(self._view.board, self._progress(over=over), width, height - 1)
        live.update(StyledLines(lines), refresh=True)
        return time.perf_counter() - begun

    async def _write_lines(self) -> None:
        if self._url:
            self._console.out(f"the gateway is at {self._url}", highlight=False)
        self._progress(over=False)  # where rates are counted from
        try:
            while True:
                await asyncio.sleep(LINE_SECONDS)
                self._write_line()
        finally:
            self._write_line(over=True)

    def _write_line(self, *, over: bool = False) -> None:
        self._console.out(one_line(self._view.board, self._progress(over=over)), highlight=False)

    def _progress(self, *, over: bool) -> RunProgress:
        now = time.monotonic()
        self._marks.append((now, self._rows, self._view.board.events))
        while len(self._marks) > 2 and now - self._marks[1][0] > RATE_SECONDS:
            self._marks.popleft()
        then, rows, events = self._marks[0]
        seconds = now - then
        tail = max(self._tail(), self._view.sequence)
        return RunProgress(
            rows=self._rows,
            rows_total=self._rows_total,
            seconds=now - self._begun,
            rows_rate=(self._rows - rows) / seconds if seconds else 0.0,
            events_rate=(self._view.board.events - events) / seconds if seconds else 0.0,
            sequence=tail,
            lag=tail - self._view.sequence,
            over=over,
            url=self._url,
        )


def can_draw(console: Console) -> bool:
    """Return True when frames can be drawn on this terminal."""
    width, height = console.size
    drawable = console.is_terminal and not console.is_dumb_terminal
    return (
        drawable and not console.options.ascii_only and width >= WIDTH_MIN and height >= HEIGHT_MIN
    )


def waiting_status(what: str, *, shown: bool) -> AbstractContextManager[object]:
    """Show on a terminal what is waited for."""
    console = Console(stderr=True)
    return console.status(what) if shown and can_draw(console) else nullcontext()
