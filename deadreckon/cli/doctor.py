"""`dr doctor`: is everything here sound."""

import json as codec
from pathlib import Path

import msgspec


def doctor(*, data: Path = Path("var"), nats: str | None = None, json: bool = False) -> None:
    """Look at the machine, the folder, the stream, the chains in the log and the views.

    Exits 1 when anything is not sound. The whole log is read.

    Example: dr doctor --data run1

    Parameters
    ----------
    data
        The folder of the stack, running or not.
    nats
        URL of a NATS server in place of the folder's own.
    json
        Print one JSON object.
    """
    from deadreckon.cli.running import run
    from deadreckon.tools.doctor import Check, examine

    async def job() -> list[Check]:
        found = []
        async for finding in examine(data, nats):
            found.append(finding)
            if not json:
                print(f"{'ok ' if finding.sound else 'BAD'} {finding.what}: {finding.seen}")
        return found

    found = run(job)
    sound = all(finding.sound for finding in found)
    if json:
        print(codec.dumps({"sound": sound, "findings": msgspec.to_builtins(found)}))
    if not sound:
        raise SystemExit(1)
