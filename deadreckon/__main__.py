"""`python -m deadreckon`: the command line."""

import gc
import sys

# What services keep is plain data without cycles, and lots of it: to look through all of it for
# cycles takes a tenth of the time and stops everything for a tenth of a second now and then.
COLLECT_AFTER = (10_000, 50, 50)


def main() -> None:
    """Run one verb of the front door; wrong usage is one line on stderr and exit code 2."""
    gc.set_threshold(*COLLECT_AFTER)
    from cyclopts import CycloptsError

    from deadreckon.cli.app import EXIT_USAGE, fail, front_door

    try:
        front_door(next(iter(sys.argv[1:]), ""))(print_error=False, exit_on_error=False)
    except CycloptsError as error:
        fail(f"{' '.join(str(error).split())} (see --help)", EXIT_USAGE)


if __name__ == "__main__":
    main()
