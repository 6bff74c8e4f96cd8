"""The machine's limit of reading: a plain socket that pulls the log and looks at nothing."""

import json
import secrets
import socket
from urllib.parse import urlsplit

from deadreckon.contracts.subjects import STREAM
from deadreckon.runtime.server.credentials import Credentials, inbox_prefix
from deadreckon.runtime.server.rights import ANALYST, IMPORTED, reader_names
from deadreckon.runtime.server.server_files import ServerAddress

BATCH = 5_000  # messages of one order; one to two are always out, so that the server never waits
BYTES = 16 * 1024 * 1024  # of one order: it closes connections behind which 64 MB wait
RECEIVE_BYTES = 1 << 20
IDLE_MAX = 30.0  # seconds without a byte after which the server is gone

INBOX = inbox_prefix(ANALYST)


class RawSocketError(Exception):
    """You read a log over a raw socket; the server sent what this reader cannot parse."""


class RawSocket:
    """Reader of a log that does as little as Python allows: it counts messages and drops them."""

    def __init__(self, address: ServerAddress, message_bytes: int) -> None:
        """Connect; `message_bytes` is the average size of a message."""
        where = urlsplit(address.url)
        self._wire = socket.create_connection((where.hostname or "", where.port or 0), IDLE_MAX)
        self._key = Credentials(address.credentials).read(ANALYST).key
        self._consumer = secrets.choice(reader_names(ANALYST))
        self._batch = max(1, min(BATCH, BYTES // message_bytes))
        self._on_order = 0
        self._has_consumer = False
        self.messages = 0

    def pull(self, upto: int) -> None:
        """Read messages 1 to `upto`, then close. Raises RawSocketError or OSError."""
        with self._wire, self._wire.makefile("rb", RECEIVE_BYTES) as stream:
            self._greet(stream.readline())
            self._create_consumer()
            while self.messages < upto:
                line = stream.readline()
                words = line.split()
                if not words:
                    raise RawSocketError("the server closed the connection")
                if words[0] in (b"MSG", b"HMSG"):
                    self._hear(words[1], stream.read(int(words[-1]) + 2))
                else:
                    self._answer(words[0], line)
                while self._has_consumer and self._on_order <= self._batch:
                    self._order()

    def _hear(self, subject: bytes, payload: bytes) -> None:
        if subject.startswith(b"log."):
            self.messages += 1
            self._on_order -= 1
        elif b'"error"' in payload:
            raise RawSocketError(payload.decode("utf-8", "replace"))
        else:
            self._has_consumer = True

    def _answer(self, word: bytes, line: bytes) -> None:
        if word == b"PING":
            self._wire.sendall(b"PONG\r\n")
        elif word == b"-ERR":
            raise RawSocketError(line.decode("utf-8", "replace"))

    def _greet(self, info: bytes) -> None:
        """Sign the nonce of the server, which speaks first."""
        nonce = str(json.loads(info.removeprefix(b"INFO "))["nonce"])
        options = {
            "verbose": False,
            "nkey": self._key.public,
            "sig": self._key.sign(nonce).decode(),
            "headers": True,
            "no_responders": True,
            "lang": "python",
            "version": "1",
        }
        greeting = f"CONNECT {json.dumps(options)}\r\nSUB {INBOX}.> 1\r\n"
        self._wire.sendall(greeting.encode())

    def _create_consumer(self) -> None:
        config = {
            "name": self._consumer,
            "deliver_policy": "all",
            "ack_policy": "none",
            "mem_storage": True,
            "inactive_threshold": 60_000_000_000,
        }
        request = {"stream_name": STREAM, "action": "create", "config": config}
        self._publish(f"{IMPORTED}.CONSUMER.CREATE.{STREAM}.{self._consumer}", "made", request)

    def _order(self) -> None:
        request = {"batch": self._batch, "expires": 30_000_000_000}
        self._publish(f"{IMPORTED}.CONSUMER.MSG.NEXT.{STREAM}.{self._consumer}", "next", request)
        self._on_order += self._batch

    def _publish(self, subject: str, reply: str, body: object) -> None:
        payload = json.dumps(body)
        line = f"PUB {subject} {INBOX}.{reply} {len(payload)}\r\n{payload}\r\n"
        self._wire.sendall(line.encode())
