"""Ports for the servers that tests start."""

import os
import random
import socket

# Below the range that systems hand out by themselves (49152 on macOS, 32768 on Linux), so that no
# connection and no server with a port of the system's choice takes one between its choice and its
# use; and a slice for each worker, so that no other worker chooses it.
FIRST = 12_000
SLICE = 2_000


def free_port() -> int:
    """Choose a port of this worker's slice that nobody listens on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST + worker % 10 * SLICE
    while True:
        port = random.randrange(first, first + SLICE)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


_given: set[int] = set()  # by this process: several are chosen before the first is used
