"""`python -m deadreckon`: the command line."""

import sys


def main() -> None:
    """Run one verb of the front door."""
    from deadreckon.cli.app import call

    call(sys.argv[1:])


if __name__ == "__main__":
    main()
