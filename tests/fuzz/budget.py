"""How much is thrown: ten thousand messages in all by default, a million when asked for."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

FOUND = Path(__file__).parent / "found"
TOTAL = int(os.environ.get("DR_FUZZ_MESSAGES", "10000"))
SEED = os.environ.get("DR_FUZZ_SEED", "1")

Given = TypeVar("Given")


def share(percent: int) -> int:
    """This door's part of all messages."""
    return max(1, TOTAL * percent // 100)


def kept(door: str) -> list[Path]:
    """What once broke something at a door, oldest name first."""
    return sorted((FOUND / door).glob("*")) if (FOUND / door).is_dir() else []


def attempt(door: str, number: int, payload: bytes, act: Callable[[bytes], Given]) -> Given:
    """Try one case; what breaks names the seed and the number, and how to keep the bytes."""
    try:
        return act(payload)
    except BaseException as error:
        error.add_note(f"door {door}, DR_FUZZ_SEED={SEED}, case {number}: {payload[:600]!r}")
        raise
