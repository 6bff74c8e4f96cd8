"""`python -m deadreckon`: the command line."""

import os
import select
import sys


def main() -> None:
    """Run one verb of the front door; that nobody reads on is an ordinary end of it."""
    from deadreckon.cli.app import call

    try:
        call(sys.argv[1:])
    except BrokenPipeError:
        if not _is_left():
            raise
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):  # rich has let go by itself
            raise
    finally:
        _let_go()


def _is_left() -> bool:
    """Return True when the reader of standard output is gone; a pipe may break elsewhere, too."""
    if not sys.stdout:
        return False
    asked = select.poll()
    asked.register(sys.stdout.fileno(), 0)
    return any(ready & select.POLLERR for _, ready in asked.poll(0))


def _let_go() -> None:
    """Write what is left in the buffer; without this Python complains at exit where it cannot."""
    if not sys.stdout:  # it was closed before the start
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
