"""Ports of this machine alone."""

import errno
import socket

from deadreckon.contracts.errors import OperationalError

LOOPBACK = "127.0.0.1"  # nothing asks who reads: it must not be reached from elsewhere


class PortBusyError(OperationalError):
    """You asked for a port that is not free; the message says how to take another."""


def listen_on_loopback(port: int) -> socket.socket:
    """Open a socket that holds a port on loopback; 0 takes a free one. Raises PortBusyError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        raise PortBusyError(_why(port, error)) from error
    return listening


def _why(port: int, error: Exception) -> str:
    busy = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    what = "is in use" if busy else f"cannot be taken ({error})"
    return f"port {port} {what}: give another with --web-port (0 takes a free one), or --no-web"
