"""The live view on a terminal, on a pipe, and nowhere."""

import asyncio
import io
from typing import Any

import pytest
from rich.console import Console

from deadreckon.cli.terminal import screen as module
from deadreckon.cli.terminal.screen import Screen, can_draw, waiting_status
from deadreckon.projections.live_view.live_view import LiveViewFold
from tests.projections.test_live_view import DESK
from tests.stories import START, at, bar


def terminal(width: int = 100, height: int = 30, **more: Any) -> Console:
    settings: dict[str, Any] = {"force_terminal": True, "color_system": "standard"} | more
    return Console(file=io.StringIO(), width=width, height=height, **settings)


def written(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def view() -> LiveViewFold:
    found = LiveViewFold()
    for sequence, event in enumerate((*DESK, bar(100)), 1):
        found.fold(sequence, [at(event, START, id=f"e{sequence}")])
    return found


async def shown(console: Console, *rows: int, url: str = "") -> str:
    """What a screen wrote while so many rows were played, frame by frame."""
    async with Screen(view(), lambda: 9, 0, 10, url, console) as screen:
        for count in rows:
            await asyncio.sleep(0)
            screen.update(count)
    return written(console)


async def test_the_last_frame_stays_and_tells_how_it_ended() -> None:
    frames = await shown(terminal(), 5, 10)

    last = frames[frames.rindex("deadreckon") :]
    assert "100.0%" in last
    assert "done" in last
    assert "lag 5" in last
    assert "\x1b[?25h" in last, "the cursor is shown again"
    assert "\x1b[?1049h" not in frames, "no alternate screen: the end stays visible"


async def test_a_run_that_was_stopped_says_so() -> None:
    frames = await shown(terminal(), 5)

    assert "stopped" in frames[frames.rindex("deadreckon") :]


async def test_the_gateway_is_named_at_the_top() -> None:
    assert "http://127.0.0.1:8787" in await shown(terminal(), 5, url="http://127.0.0.1:8787")


async def test_on_a_pipe_it_is_lines_without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_SECONDS", 0)
    console = Console(file=io.StringIO(), width=80)

    lines = (await shown(console, 3, 10, url="http://127.0.0.1:1")).splitlines()

    assert lines[0] == "the gateway is at http://127.0.0.1:1"
    assert lines[-1].startswith("10 of 10 rows (100%)")
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize(
    ("console", "drawn"),
    [
        (terminal(80, 24), True),
        (terminal(30, 24), False),
        (terminal(80, 5), False),
        (terminal(force_terminal=False), False),
        (terminal(_environ={"TERM": "dumb"}), False),
    ],
    ids=["80x24", "narrow", "low", "pipe", "dumb"],
)
def test_frames_are_drawn_where_there_is_room(console: Console, drawn: bool) -> None:
    assert can_draw(console) is drawn


async def test_drawing_gives_way_when_frames_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    screen = Screen(view(), lambda: 9, 0, 10, console=terminal())
    monkeypatch.setattr(screen, "_draw", lambda live, over=False: 0.5)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await screen.run()

    assert slept == [0.5 / module.COST_MAX]


def test_nothing_is_said_of_waiting_where_nobody_looks() -> None:
    with waiting_status("reading", shown=False) as nothing:
        assert nothing is None
