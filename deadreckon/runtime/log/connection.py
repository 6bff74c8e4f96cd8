"""One connection to NATS: a request ends with a reply or a named error."""

import asyncio
import logging
import re
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from deadreckon.runtime.log.bus import (
    ConfigurationError,
    DeniedError,
    TooLargeError,
    UnavailableError,
)
from deadreckon.runtime.log.client import Client, RawCallback, RawSubscription
from deadreckon.runtime.log.nats_library import NUID, Msg, Subscription, errors
from deadreckon.runtime.log.pending_requests import PendingRequests, RawReply, denied_error
from deadreckon.runtime.process import killpoints, log_lines
from deadreckon.runtime.server.credentials import Credential

VERSION_MIN = (2, 15)  # what the fences and recoveries of this program were tried on
CONNECT_WAIT = 10.0  # seconds for the first connection
FLUSH_SECONDS = 2  # for a full buffer to be taken; without it, who publishes might wait for ever
CLOSE_WAIT = 2.0  # seconds for the unsent to be taken when closing
PING_SECONDS = (
    2  # two of them unanswered end a connection: an unresponsive one costs 6 seconds at most
)
RECONNECT_SECONDS = 0.2  # between attempts: a local server is back within tenths of a second

_DENIED = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')

log = log_lines.Logger()


def _tells_something(record: logging.LogRecord) -> bool:
    return "eof_received() has no effect" not in record.getMessage()


class Connection:
    """Connection that reconnects by itself.

    `generation` rises with every new one behind it, so that a caller that keeps something on the
    server knows when to renew it; `faults` counts by kind.
    """

    def __init__(self, inbox_prefix: str) -> None:
        self.inbox_prefix = inbox_prefix
        self.generation = 0
        self.faults: Counter[str] = Counter()
        self.payload_max = 0  # bytes of payload and headers together
        self._client = Client()
        self._inbox = self.new_inbox()
        self._pending = PendingRequests(self._inbox)
        self._denied: set[str] = set()
        self._connected = asyncio.Event()
        self._refusal: DeniedError | None = None
        self._bug: BaseException | None = None
        self._first_refusal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settled = False
        self._closing = False
        self.watchers: list[Callable[[], None]] = []  # called when the connection changes

    @classmethod
    async def open(
        cls,
        servers: str | Sequence[str],
        *,
        name: str,
        inbox_prefix: str,
        wait: float,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credential: Credential | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> "Connection":
        """Connect.

        Raises DeniedError for wrong credentials, UnavailableError when no server answers within
        `wait` seconds, ConfigurationError for a server that is too old.
        """
        self = cls(inbox_prefix)
        if tls is not None:
            # asyncio remarks at each end that a plain stream would have been closed otherwise.
            logging.getLogger("asyncio").addFilter(_tells_something)
        if credential is not None:
            self._client.sign_with(credential.key)
        connecting = asyncio.ensure_future(
            self._client.connect(
                [servers] if isinstance(servers, str) else list(servers),
                user=user,
                password=password,
                token=token,
                tls=tls,
                name=name,
                inbox_prefix=inbox_prefix,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_connected,
                closed_cb=self._on_closed,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_SECONDS,
                ping_interval=PING_SECONDS,
                flush_timeout=FLUSH_SECONDS,
            )
        )
        await self._first_connection(connecting, wait)
        return self

    async def _first_connection(self, connecting: "asyncio.Task[None]", wait: float) -> None:
        try:
            await asyncio.wait(
                {connecting, self._first_refusal},
                timeout=wait,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not connecting.done():
                raise self._refusal or UnavailableError(
                    f"no NATS server answers within {wait:g} seconds"
                )
            connecting.result()
            self._check_version()
            self.payload_max = self._client.max_payload
            await self._client.subscribe_raw(f"{self._inbox}.*", self._pending.resolve)
            await self._on_connected()
            await self.settle(f"{self._inbox}.*")
            self._settled = True
        finally:
            if not self._settled:
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
                await self.close()

    def _check_version(self) -> None:
        found = self._client.server_version
        if found < VERSION_MIN:
            wanted = ".".join(map(str, VERSION_MIN))
            raise ConfigurationError(
                f"nats-server {found[0]}.{found[1]} is too old: fences need {wanted} or newer"
            )

    async def _on_connected(self) -> None:
        if self.generation:
            log.info("nats_connected_again")
        self.generation += 1
        self._refusal = None
        self._denied.clear()
        self._connected.set()
        self._tell()

    async def _on_disconnected(self) -> None:
        if not self._closing:
            self.faults["disconnected"] += 1
            log.warning("nats_disconnected")
        self._connected.clear()
        self._pending.fail("the connection broke before an answer came")
        self._tell()

    async def _on_closed(self) -> None:
        self._connected.clear()
        if not self._closing:
            self._refusal = DeniedError(
                f"the server closed the connection for good: {self._client.last_error}"
            )
        self._pending.fail("the connection is closed")
        self._tell()

    async def _on_error(self, error: Exception) -> None:
        if self._closing:
            return
        text = str(error)
        self.faults[type(error).__name__] += 1
        denied = _DENIED.search(text.lower())
        if denied:
            self._denied.add(denied[2])
            self._pending.deny(denied[2])
        elif "authorization violation" in text.lower():
            if self._refusal is not None:
                return  # logged before; it is tried again five times a second
            self._refusal = DeniedError("the server does not know this user")
            if not self._first_refusal.done():
                self._first_refusal.set_result(None)
        # While it is away every attempt fails alike: that was logged when it went.
        away = isinstance(error, OSError | errors.StaleConnectionError)
        say = log.debug if away else log.warning
        say("nats_fault", fault=type(error).__name__, reason=text)

    def fail_with(self, bug: BaseException) -> None:
        """Raise a bug's exception from everything that uses this connection from now on."""
        self._bug = bug
        self._tell()

    def _tell(self) -> None:
        for watcher in self.watchers:
            watcher()

    @property
    def is_up(self) -> bool:
        """True while there is a connection."""
        return self._connected.is_set()

    @property
    def is_sound(self) -> bool:
        """True while it is up and nothing forbids to use it."""
        return self.is_up and self._bug is None and self._refusal is None

    def new_inbox(self) -> str:
        """Return a subject of our own that nobody can guess."""
        return f"{self.inbox_prefix}.{NUID().next().decode()}"

    async def request(
        self, subject: str, payload: bytes, wait: float, headers: dict[str, str] | None = None
    ) -> RawReply:
        """Send a request, and wait up to `wait` seconds for a connection and for the answer each.

        Raises UnavailableError when none came, DeniedError when the server did not let it through.
        """
        await self._be_connected(wait)
        inbox, answer = self._pending.ask(subject, wait)
        try:
            await self._publish(subject, payload, inbox, headers)
            if killpoints.armed is not None:
                await killpoints.left(subject)
            return await answer
        finally:
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # looked at, even when sending failed first

    async def publish(
        self, subject: str, payload: bytes, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Publish a message.

        Raises UnavailableError without a connection, and DeniedError when the server has refused
        this subject before.
        """
        self.check_permitted(subject)
        if not self.is_up:
            raise UnavailableError(f"{subject}: not connected")
        await self._publish(subject, payload, reply, headers)

    async def _publish(
        self, subject: str, payload: bytes, reply: str, headers: dict[str, str] | None
    ) -> None:
        try:
            await self._client.publish(subject, payload, reply=reply, headers=headers)
        except errors.MaxPayloadError:
            raise TooLargeError(f"{len(payload)} bytes, {self.payload_max} at most") from None
        except errors.BadSubjectError:
            raise ValueError(f"{subject!r} is no subject") from None
        except errors.Error as error:
            raise UnavailableError(f"{subject}: {error}") from error

    async def _be_connected(self, wait: float) -> None:
        # Nothing is handed to a client that is reconnecting: it would be kept there and sent
        # after its author had given it up.
        if self._closing:
            raise UnavailableError("this connection is closed")
        self.check_permitted()
        if not self.is_up:
            try:
                await asyncio.wait_for(self._connected.wait(), wait)
            except TimeoutError:
                raise UnavailableError(f"not connected within {wait:g} seconds") from None
            finally:
                self.check_permitted()

    async def subscribe(
        self, subject: str, callback: Callable[[Msg], Awaitable[None]]
    ) -> Subscription:
        """Subscribe until unsubscribed, through reconnections. Raises DeniedError."""
        try:
            subscription = await self._client.subscribe(subject, cb=callback)
        except errors.ConnectionClosedError as error:
            raise UnavailableError(f"{subject}: {error}") from error
        await self.settle(subject)
        return subscription

    async def subscribe_raw(self, subject: str, callback: RawCallback) -> RawSubscription:
        """Subscribe to a subject as bytes; the callback runs inside the read loop: be quick, never
        raise.

        Whether the server lets us is known after the next answer to anything: check_permitted.
        """
        try:
            return await self._client.subscribe_raw(subject, callback)
        except errors.ConnectionClosedError as error:
            raise UnavailableError(f"{subject}: {error}") from error

    async def unsubscribe_raw(self, tapped: RawSubscription) -> None:
        """End a raw subscription."""
        self._client.unsubscribe_raw(tapped.number)
        await self.unsubscribe(tapped.subscription)

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription; on a closed connection this does nothing."""
        try:
            await subscription.unsubscribe()
        except errors.Error as error:
            log.debug("nats_unsubscribe", reason=str(error))

    async def settle(self, *subjects: str) -> None:
        """Wait until the server has taken what was sent so far; DeniedError if it refused these
        subjects."""
        await self._be_connected(CONNECT_WAIT)
        # The client's own flush sends its ping ahead of what is waiting to be written, and has no
        # event for when that is done.
        while self._client.pending_data_size and self.is_up:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        try:
            await self._client.flush()
        except (errors.Error, OSError) as error:
            raise UnavailableError(f"the server does not answer: {error}") from error
        self.check_permitted(*subjects)

    def check_permitted(self, *subjects: str) -> None:
        """Raise DeniedError if the server has refused us, or one of these subjects."""
        if self._bug is not None:
            raise self._bug
        if self._refusal is not None:
            raise self._refusal
        for subject in subjects:
            if subject.lower() in self._denied:
                raise denied_error(subject)

    async def close(self) -> None:
        """Close for good; idempotent. Does not wait for a server that takes nothing more."""
        self._closing = True
        closing = asyncio.ensure_future(self._client.close())
        await asyncio.wait({closing}, timeout=CLOSE_WAIT)
        self._client.abort()  # also what an attempt to connect, given up, has left open
        await asyncio.wait({closing}, timeout=CLOSE_WAIT)
