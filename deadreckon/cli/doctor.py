"""`dr doctor`: health check of the machine and the data folder."""

from deadreckon.cli.app import EXIT_DIFFERENCE, VerbEnd
from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions


def doctor(*, options: LogOptions = LogOptions()) -> None:
    """Look at the machine, the folder, the stream, the chains in the log and the views.

    Exits 1 when anything is not sound. The whole log is read.

    Example: dr doctor --data run1
    """
    from deadreckon.cli.running import run
    from deadreckon.tools.doctor import Check, examine

    async def job() -> list[Check]:
        found = []
        async for finding in examine(options.data, options.nats):
            found.append(finding)
            if not options.json:
                print(f"{'ok ' if finding.sound else 'BAD'} {finding.what}: {finding.seen}")
        return found

    found = run(job)
    sound = all(finding.sound for finding in found)
    if options.json:
        print_document({"sound": sound, "findings": found})
    if not sound:
        bad = [f"{finding.what}: {finding.seen}" for finding in found if not finding.sound]
        raise VerbEnd(EXIT_DIFFERENCE, "; ".join(bad))
