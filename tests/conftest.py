"""What every test shares: hypothesis without chance, and where the real tapes may lie."""

from pathlib import Path

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("ci")

ROOT = Path(__file__).resolve().parent.parent
TAPES = ROOT.parent / "shared" / "tapes"


def pytest_terminal_summary(terminalreporter: object) -> None:
    """Say in every run whether the real tapes were there to run on."""
    there = "are used" if TAPES.is_dir() else "are NOT here: tests on real market data did not run"
    terminalreporter.write_line(f"real tapes ({TAPES.name}/ beside the checkout) {there}")  # type: ignore[attr-defined]
