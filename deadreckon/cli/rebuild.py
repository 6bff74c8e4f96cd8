"""`dr rebuild`: build projections anew from the log."""

import sys

from deadreckon.cli.document import print_document
from deadreckon.cli.options import LogOptions
from deadreckon.cli.verify import Name, chosen_projections


def rebuild(
    *names: Name,
    options: LogOptions = LogOptions(),
) -> None:
    """Build projections anew from the log, next to the old ones, and swap them in when complete.

    Readers keep the old ones until then; killed anywhere, the old ones stay.

    Example: dr rebuild audit --data run1

    Parameters
    ----------
    names
        audit (SQLite), lake or analytics (DuckDB), metrics; all when none is named.
    """
    from deadreckon.cli.running import run
    from deadreckon.replay.verify.job import rebuild as job

    wanted = chosen_projections(names)
    sequence = run(lambda: job(options.data, wanted, options.nats, shows=sys.stderr.isatty()))
    if options.json:
        print_document({"rebuilt": list(wanted), "sequence": sequence})
    else:
        print(f"rebuilt {', '.join(wanted)} up to sequence {sequence}")
