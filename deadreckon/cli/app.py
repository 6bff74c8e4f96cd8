"""The front door: every verb, imported only when it is called."""

import sys
from typing import NoReturn

from cyclopts import App

EXIT_DIFFERENCE = 1  # a difference or a refusal was found
EXIT_USAGE = 2
EXIT_ENVIRONMENT = 3

app = App(
    name="dr",
    help="Deadreckon: an event-sourced trading stack that knows its position from the log alone.",
    help_format="plaintext",
    version_flags=[],
)


def fail(message: str, code: int = EXIT_ENVIRONMENT) -> NoReturn:
    """End with one line on stderr that says what to do."""
    print(f"dr: {message}", file=sys.stderr)
    raise SystemExit(code)


def _command(owner: App, name: str, target: str) -> None:
    owner.command(f"deadreckon.cli.{target}", name=name)


VERBS = {
    "demo": "demo:demo",
    "run": "run:run",
    "status": "status:status",
    "positions": "status:positions",
    "orders": "status:orders",
    "fills": "status:fills",
    "tail": "tail:tail",
    "halt": "operators:halt",
    "resume": "operators:resume",
    "flatten": "operators:flatten",
    "cancel": "operators:cancel",
    "limits": "desk:limits",
    "instruments": "desk:instruments",
    "venue": "desk:venue",
    "cash": "desk:cash",
    "strategy": "desk:strategy",
    "replay": "auditing:replay",
    "rebuild": "views:rebuild",
    "verify": "views:verify",
    "signal": "signals:signal",
    "tape": "tape:verbs",
    "contracts": "contracts:verbs",
    "version": "about:version",
}

for verb, target in VERBS.items():
    _command(app, verb, target)
