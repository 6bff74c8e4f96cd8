"""`dr verify`: compare the projections with the log."""

import json as codec
import sys
from typing import Literal

import msgspec

from deadreckon.cli.app import EXIT_DIFFERENCE
from deadreckon.cli.options import LogOptions

Name = Literal["audit", "lake", "analytics", "metrics"]
ALL: tuple[Name, ...] = ("audit", "lake", "metrics")


def verify(
    *names: Name,
    options: LogOptions = LogOptions(),
) -> None:
    """Compare projections with their own digests and with a fresh fold of the log.

    Exits 1 and names the first table and key that differ.

    Example: dr verify --data run1

    Parameters
    ----------
    names
        audit (SQLite), lake or analytics (DuckDB), metrics; all when none is named.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.verify.job import verify as job

    wanted = chosen_projections(names)
    place, differences = run(
        lambda: job(options.data, wanted, options.nats, shows=sys.stderr.isatty())
    )
    if options.json:
        found = msgspec.to_builtins(differences)
        print(codec.dumps({"sequence": place, "agree": not differences, "differences": found}))
    else:
        for found in differences:
            print(_line(msgspec.to_builtins(found)))
        if not differences:
            print(f"{', '.join(wanted)} agree with the log up to sequence {place}")
    if differences:
        raise SystemExit(EXIT_DIFFERENCE)


def _line(found: dict[str, object]) -> str:
    where = " ".join(str(part) for part in (found["projection"], found["table"]) if part)
    key = f" key {'/'.join(found['key'])}" if found["key"] else ""  # type: ignore[arg-type]
    column = f", {found['column']}: {found['stored']}" if found["column"] else ""
    expected = f", the log says {found['expected']}" if found["column"] else ""
    return f"DIFFERENT: {where}{key}{column}{expected} {found['note']}".rstrip()


def chosen_projections(names: tuple[Name, ...]) -> tuple[Name, ...]:
    """Return the projections named, or all; `analytics.duckdb` shows the lake."""
    return tuple("lake" if name == "analytics" else name for name in names) or ALL
