"""`python -m deadreckon`: the command line."""

import sys


def main() -> None:
    """Run one verb of the front door; wrong usage is one line on stderr and exit code 2."""
    from cyclopts import CycloptsError

    from deadreckon.cli.app import EXIT_USAGE, fail, front_door

    try:
        front_door(next(iter(sys.argv[1:]), ""))(print_error=False, exit_on_error=False)
    except CycloptsError as error:
        fail(f"{' '.join(str(error).split())} (see --help)", EXIT_USAGE)


if __name__ == "__main__":
    main()
