"""Log on NATS JetStream: a thin layer of our own over requests and their JSON."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence

from deadreckon.contracts.subjects import ALL, STREAM, covers
from deadreckon.runtime.log.addresses import servers
from deadreckon.runtime.log.bus import (
    ConfigurationError,
    Fence,
    FencedError,
    LogInfo,
    Notices,
    Reader,
    Stored,
    TooLargeError,
    UnavailableError,
    WriteHealth,
)
from deadreckon.runtime.log.connection import CONNECT_WAIT, Connection
from deadreckon.runtime.log.jetstream_api import (
    MESSAGE_TOO_LARGE,
    WRONG_LAST_SEQUENCE,
    JetStreamApi,
    Refusal,
    failure,
)
from deadreckon.runtime.log.jetstream_reader import JetStreamReader
from deadreckon.runtime.log.log_health import LogHealth
from deadreckon.runtime.log.nats_library import Msg, Subscription
from deadreckon.runtime.log.notices import NoticeQueue
from deadreckon.runtime.log.stream import (
    BROUGHT_UP_TO_DATE,
    configuration,
    configuration_faults,
)
from deadreckon.runtime.process import log_lines
from deadreckon.runtime.process.cancellation import cancel_all
from deadreckon.runtime.server.credentials import Credential
from deadreckon.runtime.server.credentials import inbox_prefix as inbox_of
from deadreckon.runtime.server.rights import API, reader_names

HEADER_ROOM = 512  # bytes of a message kept free: the server counts the fence's headers in
REPLICAS = 3  # one may be away; five would cost another acknowledgement for a second one
INBOXES = "_INBOX."  # where answers may go; everybody's inbox prefix begins with it

FENCE_LAST = "Nats-Expected-Last-Subject-Sequence"
FENCE_FILTER = "Nats-Expected-Last-Subject-Sequence-Subject"

Responder = Callable[[bytes], Awaitable[bytes]]

log = log_lines.Logger()


class JetStreamBus:
    """Log in one stream.

    `api_prefix` and `inbox_prefix` are needed with accounts: the stream may live in another account
    than its writers and readers.
    """

    def __init__(
        self,
        connection: Connection,
        api: JetStreamApi,
        replicas: int,
        reader_names: Sequence[str] = (),
    ) -> None:
        self.payload_max = connection.payload_max - HEADER_ROOM
        self.log_health: WriteHealth = LogHealth()
        self.faults = connection.faults
        self._connection = connection
        self._api = api
        self._replicas = replicas
        self._reader_names = reader_names
        self._readers: list[JetStreamReader] = []
        self._notices: list[NatsNotices] = []
        self._servers: list[asyncio.Task[None]] = []

    @classmethod
    async def connect(
        cls,
        url: str | Sequence[str],
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credential: Credential | None = None,
        tls: ssl.SSLContext | None = None,
        name: str = "deadreckon",
        api_prefix: str = API,
        inbox_prefix: str | None = None,
        stream: str = STREAM,
        replicas: int | None = None,
        wait: float = CONNECT_WAIT,
    ) -> "JetStreamBus":
        """Connect to one server or to any of several, separated by commas in a text.

        A log that does not exist yet is kept `replicas` times: by default three times on three
        servers or more, else once. Raises DeniedError for wrong credentials, UnavailableError
        after `wait` seconds, ConfigurationError for a server too old. Answers come to the inbox of
        the credential's role, unless another prefix is given.
        """
        if inbox_prefix is None:
            inbox_prefix = inbox_of(credential.role) if credential else INBOXES.rstrip(".")
        if not f"{inbox_prefix}.".startswith(INBOXES):
            raise ValueError(f"inbox prefix {inbox_prefix!r}: answers go to {INBOXES}... only")
        where = servers(url)
        connection = await Connection.open(
            where.urls,
            user=user or where.user,
            password=password or where.password,
            token=token,
            credential=credential,
            tls=tls,
            name=name,
            inbox_prefix=inbox_prefix,
            wait=wait,
        )
        if replicas is None:
            replicas = REPLICAS if len(where.urls) >= REPLICAS else 1
        api = JetStreamApi(connection, api_prefix, stream)
        return cls(connection, api, replicas, reader_names(credential.role) if credential else ())

    @property
    def api(self) -> JetStreamApi:
        """Requests about the stream itself, for copies of it."""
        return self._api

    async def provision(self) -> None:
        """Create the stream if it is missing. One that stands is never changed:
        ConfigurationError lists field by field what differs."""
        found = await self._api.configuration()
        if found is None:
            wanted = configuration(self._api.stream, self._replicas)
            found = await self._api.create(wanted) or await self._api.configuration() or {}
        faults = configuration_faults(found)
        replicas = found.get("num_replicas", 1)
        if replicas < self._replicas:
            faults.append(f"num_replicas: expected {self._replicas}, found {replicas}")
        if faults:
            raise ConfigurationError(
                f"stream {self._api.stream} cannot keep the log: {'; '.join(faults)}"
            )

    async def bring_up_to_date(self) -> None:
        """Give a stream of an older program the shortest window for duplicates and the limits of
        readers, and delete the readers that no limit applies to. Raises DeniedError on a server
        whose accounts are older still."""
        found = await self._api.configuration()
        if found is not None and found != {**found, **BROUGHT_UP_TO_DATE}:
            await self._api.update({**found, **BROUGHT_UP_TO_DATE})
        for name in await self._api.lasting_consumers():
            await self._api.delete_consumer(name)

    async def append(self, subject: str, payload: bytes, fence: Fence | None = None) -> int:
        """Store one message, if the fence stands; one attempt. Bus.append says what it raises."""
        if not covers(ALL, subject):
            raise ValueError(f"{subject!r} is no subject of the log")
        if len(payload) > self.payload_max:
            raise TooLargeError(f"{len(payload)} bytes, {self.payload_max} at most")
        with self.log_health.write():
            sequence = await self._store(subject, payload, fence)
        self.log_health.acknowledge(sequence)
        return sequence

    async def _store(self, subject: str, payload: bytes, fence: Fence | None) -> int:
        headers = {FENCE_LAST: str(fence.last), FENCE_FILTER: fence.filter} if fence else None
        stored = await self._api.store(subject, payload, headers)
        if stored.error is not None:
            raise await self._refused(subject, stored.error, fence)
        if stored.stream != self._api.stream:
            raise ConfigurationError(f"{subject}: kept by {stored.stream}, not {self._api.stream}")
        return stored.sequence

    async def _refused(self, subject: str, refusal: Refusal, fence: Fence | None) -> Exception:
        if refusal.err_code in WRONG_LAST_SEQUENCE and fence is not None:
            tail = await self._api.tail(fence.filter)
            if fence.last == (tail.sequence if tail else 0):
                # A message, perhaps our own first attempt, is on its way in and not yet to be seen.
                return UnavailableError(f"{fence.filter}: refused with the fence in place")
            return FencedError(fence, tail)
        if refusal.err_code == MESSAGE_TOO_LARGE:
            return TooLargeError(f"{subject}: {refusal.description}")
        return failure(subject, refusal)

    async def tail(self, filter: str) -> Stored | None:
        """Return the last message under `filter`, asked of the leader."""
        return await self._api.tail(filter)

    async def message(self, sequence: int) -> Stored | None:
        """Return one message by its sequence, asked of the leader."""
        return await self._api.message(sequence)

    async def info(self) -> LogInfo:
        """Return first and last sequence and what is deleted, asked of the leader."""
        return await self._api.info()

    async def read(self, after: int) -> Reader:
        """Return a reader that begins with sequence `after` + 1."""
        reader = JetStreamReader(self._api, after, names=self._reader_names)
        await reader.open()
        self._readers = [*(r for r in self._readers if not r.closed), reader]
        return reader

    async def notify(self, subject: str, payload: bytes) -> None:
        """Send a notice to those who listen now."""
        await self._connection.publish(subject, payload)

    async def request(self, subject: str, payload: bytes, wait: float) -> bytes:
        """Send a request to the server of `subject`; raises UnavailableError at once if there is
        none."""
        return (await self._connection.request(subject, payload, wait)).payload

    async def serve(self, subject: str, answer: Responder) -> None:
        """Answer requests on `subject`, one after the other, until the bus is closed."""
        asked: asyncio.Queue[Msg] = asyncio.Queue()
        await self._connection.subscribe(subject, asked.put)
        server = asyncio.create_task(self._serve(asked, answer), name=f"serve {subject}")
        server.add_done_callback(self._ended)
        self._servers.append(server)

    async def _serve(self, asked: "asyncio.Queue[Msg]", answer: Responder) -> None:
        while True:
            message = await asked.get()
            # The caller chooses where an answer goes: anywhere else it would be stored with the
            # rights of this service, in the log for instance.
            if not message.reply.startswith(INBOXES):
                self.faults["reply_refused"] += 1
                log.warning("reply_refused", subject=message.subject, reply=message.reply)
                continue
            reply = await answer(message.data)
            try:
                await self._connection.publish(message.reply, reply)
            except UnavailableError as fault:
                log.warning("reply_lost", subject=message.subject, reason=str(fault))

    def _ended(self, server: "asyncio.Task[None]") -> None:
        """Fail the connection with an exception of `answer`: nothing else waits for that task."""
        bug = None if server.cancelled() else server.exception()
        if bug is not None:
            self._connection.fail_with(bug)

    def listen(self, subject: str) -> Notices:
        """Return the notices on `subject` as they come."""
        notices = NatsNotices(self._connection, subject)
        self._notices.append(notices)
        return notices

    async def close(self) -> None:
        """End readers, listeners, servers and the connection; idempotent."""
        for reader in self._readers:
            await reader.close()
        for notices in self._notices:
            await notices.close()
        await cancel_all(self._servers)
        await self._connection.close()


class NatsNotices:
    """Notices on a subject, from about now on; `ready` returns once none is missed."""

    def __init__(self, connection: Connection, subject: str) -> None:
        self._connection = connection
        self._queue = NoticeQueue()
        subscribing = connection.subscribe(subject, self._hear)
        self._subscription: asyncio.Task[Subscription] = asyncio.ensure_future(subscribing)

    async def _hear(self, message: Msg) -> None:
        self._queue.add(message.data)

    def __aiter__(self) -> "NatsNotices":
        return self

    async def __anext__(self) -> bytes:
        await self.ready()
        payload = await self._queue.take()
        if payload is None:
            raise StopAsyncIteration
        return payload

    async def ready(self) -> None:
        """Wait until the server listens for us; raises DeniedError if it will not."""
        await asyncio.shield(self._subscription)

    async def close(self) -> None:
        """Stop listening."""
        self._queue.end()
        self._subscription.cancel()
        await asyncio.gather(self._subscription, return_exceptions=True)
        if not self._subscription.cancelled() and not self._subscription.exception():
            await self._connection.unsubscribe(self._subscription.result())
