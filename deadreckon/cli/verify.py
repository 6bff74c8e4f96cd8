"""`dr rebuild` and `dr verify`: the projections against the log."""

import json as codec
import sys
from pathlib import Path
from typing import Literal

import msgspec

Name = Literal["audit", "lake", "analytics", "metrics"]
ALL: tuple[Name, ...] = ("audit", "lake", "metrics")


def rebuild(
    *names: Name, data: Path = Path("var"), nats: str | None = None, json: bool = False
) -> None:
    """Build projections anew from the log, beside the old ones, and swap them in when complete.

    Readers keep the old ones until then; killed anywhere, the old ones stay.

    Example: dr rebuild audit --data run1

    Parameters
    ----------
    names
        audit (SQLite), lake or analytics (DuckDB), metrics; all when none is named.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.verify.job import rebuild as job

    wanted = _wanted(names)
    place = run(lambda: job(data, wanted, nats, shows=sys.stderr.isatty()))
    if json:
        print(codec.dumps({"rebuilt": list(wanted), "sequence": place}))
    else:
        print(f"rebuilt {', '.join(wanted)} up to sequence {place}")


def verify(
    *names: Name, data: Path = Path("var"), nats: str | None = None, json: bool = False
) -> None:
    """Compare projections with their own digests and with a fresh fold of the log.

    Exits 1 and names the first table and key that differ.

    Example: dr verify --data run1

    Parameters
    ----------
    names
        audit (SQLite), lake or analytics (DuckDB), metrics; all when none is named.
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.verify.job import verify as job

    place, differences = run(lambda: job(data, _wanted(names), nats, shows=sys.stderr.isatty()))
    if json:
        found = msgspec.to_builtins(differences)
        print(codec.dumps({"sequence": place, "agree": not differences, "differences": found}))
    else:
        for found in differences:
            print(_line(msgspec.to_builtins(found)))
        if not differences:
            print(f"{', '.join(_wanted(names))} agree with the log up to sequence {place}")
    if differences:
        raise SystemExit(1)


def _line(found: dict[str, object]) -> str:
    where = " ".join(str(part) for part in (found["projection"], found["table"]) if part)
    key = f" key {'/'.join(found['key'])}" if found["key"] else ""  # type: ignore[arg-type]
    column = f", {found['column']}: {found['stored']}" if found["column"] else ""
    expected = f", the log says {found['expected']}" if found["column"] else ""
    return f"DIFFERENT: {where}{key}{column}{expected} {found['note']}".rstrip()


def _wanted(names: tuple[Name, ...]) -> tuple[Name, ...]:
    """The projections meant; the lake is what `analytics.duckdb` shows."""
    return tuple("lake" if name == "analytics" else name for name in names) or ALL
