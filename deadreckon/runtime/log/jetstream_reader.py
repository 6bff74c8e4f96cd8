"""Reader of the log from JetStream: every sequence is the last plus one, or it begins anew."""

import asyncio
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.runtime.log.bus import DeniedError, HoleError, Stored, UnavailableError
from deadreckon.runtime.log.client import RawSubscription
from deadreckon.runtime.log.jetstream_api import ApiError, JetStreamApi
from deadreckon.runtime.log.stream import FORGOTTEN_AFTER
from deadreckon.runtime.process import log_lines

BATCH = 2_000  # messages of one order; between one and two of them are always on order
BYTES_FIRST = 4 * 1024 * 1024  # of one order, so that big messages cannot pile up
EXPIRES = 30  # seconds an order stands; the first half of it, so that two never end together
HEARTBEAT = 2  # seconds between signs of life while nothing comes
IDLE_MAX = 2 * HEARTBEAT + 1.0  # seconds without any: the server has forgotten us
ATTEMPTS = 3  # new beginnings that must meet the same hole before it is believed
GROUP = "reader"  # of the orders of a consumer; it has one reader
# Seconds without an order after which the server forgets the pin; FORGOTTEN_AFTER comes first.
PINNED = 3_600
PLACEMENTS = 60  # readers made and given up again until one is on a server that will do
BACKOFF = 0.1  # seconds between attempts to begin anew

NAME_TAKEN = (10013, 10148)  # the server's codes: a consumer of that name is there

CONSUMER_CONFIGURATION: dict[str, Any] = {
    "deliver_policy": "by_start_sequence",
    "ack_policy": "none",
    "replay_policy": "instant",
    "mem_storage": True,  # nothing about a reader is worth keeping: its owner knows the sequence
    "num_replicas": 1,
    "inactive_threshold": FORGOTTEN_AFTER,
    # The server puts the pin's name into the headers of every message that it delivers. Without a
    # header an empty message would be of no bytes at all, which between accounts ends the answer
    # to an order: any producer could make every reader begin anew, once a message.
    "priority_policy": "pinned_client",
    "priority_groups": [GROUP],
    "priority_timeout": PINNED * NANOSECONDS,
}

_PIN = re.compile(rb"Nats-Pin-Id: (\S+)")
_LEFT_OVER = re.compile(rb"Nats-Pending-Messages: (\d+)")

log = log_lines.Logger()


class JetStreamReader:
    """An ephemeral pull consumer, made anew at the last sequence plus one whenever in doubt.

    Orders are counted in messages, not one by one: however the server spreads messages over
    them, what is on order is what was ordered less what came.
    """

    def __init__(
        self, api: JetStreamApi, after: int, *, node: str = "", names: Sequence[str] = ()
    ) -> None:
        self.closed = False
        self._names = names  # all that its consumers may have; empty: any
        self._wanted = node  # the only server to read from; empty: whichever
        self._node = ""  # the one that serves us, in a cluster
        self._abandoned: list[str] = []  # consumers that the server still keeps for us
        self._damaged: set[str] = set()  # those that have served a hole
        self._api = api
        self._connection = api.connection
        self._loop = asyncio.get_running_loop()
        self._inbox = self._connection.new_inbox()
        self._tapped: RawSubscription | None = None
        self._ready: list[Stored] = []
        self._last = after
        self._consumer = ""  # empty: to be made anew
        self._consumer_token = b""
        self._status_subject = b""
        self._pin = ""  # that later orders must name; empty before the first message
        self._generation = 0
        self._on_order = 0
        self._bytes_max = BYTES_FIRST
        self._last_sign = self._left = self._looked = self._loop.time()
        self._waiter: asyncio.Future[None] | None = None
        self._hole_after = -1
        self._hole_seen = 0
        self._hole = ""
        self._failure: HoleError | None = None

    async def open(self) -> None:
        """Begin to read; raises HoleError when the log ends before the sequence to begin at."""
        inbox = f"{self._inbox}.*"
        self._tapped = await self._connection.subscribe_raw(inbox, self._hear)
        self._connection.watchers.append(self._wake)
        begun = False
        try:
            await self._begin()
            self._connection.check_permitted(inbox)
            await self._order_more()
            begun = True
        finally:
            if not begun:
                await self.close()

    async def next(self, wait: float) -> list[Stored]:
        """Return all that has come since; waits up to `wait` seconds for the first message."""
        now = self._loop.time()
        deadline = now + wait
        if now - self._left > HEARTBEAT:
            self._last_sign = now  # it was we who were away
        while not self._ready:
            await self._mend()
            await self._look_ahead()
            remaining = deadline - self._loop.time()
            await self._rest(remaining)
            if remaining <= 0:
                break
        ready, self._ready = self._ready, []
        if ready:
            self._looked = self._loop.time()
            # What is here is handed out though the connection be lost: the next wait mends that.
            with suppress(UnavailableError):
                await self._order_more()
        self._left = self._loop.time()
        return ready

    async def _look_ahead(self) -> None:
        """Check, after a while without messages, that none is kept back: the server counts a
        damaged last one but never delivers it, and no later message shows the hole."""
        now = self._loop.time()
        if now - self._looked < HEARTBEAT or not self._connection.is_up:
            return
        self._looked = now
        try:
            if (await self._api.info()).last <= self._last or self._ready:
                return
            if await self._api.message(self._last + 1) is not None:
                self._give_up("kept_back")
                return
            self._looked = now - HEARTBEAT  # asked again at once, before it is believed
            self._stumble(f"message {self._last + 1} is counted but cannot be read")
        except UnavailableError as fault:
            log.debug("reader_cannot_look", reason=str(fault))

    async def _rest(self, seconds: float) -> None:
        """Wait until a message or an event comes, or IDLE_MAX seconds are over."""
        if self._connection.is_up:
            seconds = min(seconds, self._last_sign + IDLE_MAX - self._loop.time())
        if seconds <= 0 or self._ready:
            await asyncio.sleep(0)
            return
        waiter = self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _mend(self) -> None:
        """Request more messages; or begin anew after a gap, missing heartbeats, or with a new
        connection."""
        if self.closed:
            raise UnavailableError("this reader is closed")
        if self._failure is not None:
            raise self._failure
        self._connection.check_permitted(self._api.next_subject(self._consumer))
        if not self._connection.is_up:
            return
        silent = self._loop.time() - self._last_sign > IDLE_MAX
        if silent or self._generation != self._connection.generation:
            self._give_up("silence" if silent else "reconnected")
        try:
            if not self._consumer:
                await self._begin()
            await self._order_more()
        except UnavailableError as fault:
            log.warning("reader_waits", reason=str(fault))
            await asyncio.sleep(BACKOFF)

    def _give_up(self, reason: str) -> None:
        """Stop trusting this consumer; the next wait creates another."""
        if self._consumer:
            self._connection.faults[f"reader_{reason}"] += 1
            say = log.warning if reason == "hole" else log.info
            say("reader_begins_anew", reason=reason, after=self._last)
            self._abandoned.append(self._consumer)
        self._consumer, self._consumer_token, self._status_subject = "", b"", b""
        self._pin = ""

    async def _begin(self) -> None:
        """Create a consumer behind the last message; the log must still reach that far."""
        generation = self._connection.generation
        info = await self._api.info()
        if info.last < self._last:
            self._fail(f"the log ends at {info.last}; {self._last} was read or written before")
        if info.first > self._last + 1:
            self._fail(f"the log begins with {info.first}; {self._last + 1} is missing")
        await self._let_go()
        if self._hole_after == self._last:
            await self._ask_the_leader()
        name = await self._make_consumer()
        self._consumer, self._consumer_token = name, name.encode()
        self._status_subject = f"{self._inbox}.{name}".encode()
        self._generation = generation
        self._on_order = 0

    async def _let_go(self) -> None:
        """Delete consumers that were given up: a server keeps only so many."""
        while self._abandoned:
            await self._api.delete_consumer(self._abandoned.pop())

    async def _make_consumer(self) -> str:
        """Create a consumer on a server that we may read from; the cluster deals them out."""
        for _ in range(PLACEMENTS):
            name = await self._name_consumer()
            if self._node in (self._wanted or self._node, "") and self._node not in self._damaged:
                return name
            await self._api.delete_consumer(name)
        raise UnavailableError(
            f"no reader came to be on {self._wanted}" if self._wanted else "all nodes have holes"
        )

    async def _name_consumer(self) -> str:
        """Create a consumer under a name that nobody guesses, or a free one of those we may have.

        To who asks for the same as another did the server gives that one: `metadata` differs.
        """
        unique = secrets.token_hex(8)
        wanted = {
            **CONSUMER_CONFIGURATION,
            "opt_start_seq": self._last + 1,
            "metadata": {"reader": unique},
        }
        begin = secrets.randbelow(len(self._names) or 1)
        for name in (*self._names[begin:], *self._names[:begin]) or (f"reader-{unique}",):
            try:
                self._node = await self._api.create_consumer(name, wanted)
            except ApiError as error:
                if error.code not in NAME_TAKEN:
                    raise
            else:
                return name
        raise UnavailableError(
            f"{len(self._names)} readers of this credential read at once, and no more may; "
            f"one that went away is forgotten after {FORGOTTEN_AFTER // NANOSECONDS} seconds"
        )

    async def _ask_the_leader(self) -> None:
        """Tell whether a hole is the log's, or only in the replica that served it.

        The server says nothing of a damaged replica (decision 0014), and would let it lead: then
        tails are wrong too, and nothing may be decided on them.
        """
        missing = self._last + 1
        if await self._api.message(missing) is None:
            self._fail(f"{self._hole}, and the node that leads the log cannot read it either")
        if not self._node or self._wanted:
            return
        self._damaged.add(self._node)
        self._connection.faults["replica_hole"] += 1
        log.error(
            "replica_damaged",
            node=self._node,
            missing=missing,
            next="reading from another; stop that node, delete its copy of the stream, start it",
        )

    def _fail(self, reason: str) -> None:
        self._failure = HoleError(reason)
        raise self._failure

    async def _order_more(self) -> None:
        """Keep orders for one to two batches; without a pin there can be only one order."""
        while self._consumer and self._on_order <= (BATCH if self._pin else 0):
            if not self._on_order:
                self._last_sign = self._loop.time()  # without an order there were no signs of life
            order = {
                "group": GROUP,
                **({"id": self._pin} if self._pin else {}),
                "batch": BATCH,
                "max_bytes": self._bytes_max,
                "expires": (EXPIRES if self._on_order else EXPIRES // 2) * NANOSECONDS,
                "idle_heartbeat": HEARTBEAT * NANOSECONDS,
            }
            self._on_order += BATCH
            subject = self._api.next_subject(self._consumer)
            inbox = self._status_subject.decode()
            await self._connection.publish(subject, msgspec.json.encode(order), inbox)

    def _hear(self, subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
        """Take a message, or a status about our orders; called within the read loop."""
        if not reply:
            self._hear_status(subject, headers)
            return
        # $JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<count>.<time>.<pending>; behind a
        # domain and an account that stand before the stream where there are more than nine.
        parts = reply.split(b".")
        shift = 0 if len(parts) == 9 else 2
        if parts[3 + shift] != self._consumer_token:
            return  # of a consumer given up
        sequence = int(parts[5 + shift])
        if sequence != self._last + 1:
            self._stumble(f"the log continues with {sequence}; {self._last + 1} is missing")
            return
        if not self._ready:
            self._last_sign = self._loop.time()
            self._wake()
        self._on_order -= 1
        self._last = sequence
        self._ready.append(Stored(sequence, subject.decode(), payload, int(parts[7 + shift])))
        if not self._pin and (pin := _PIN.search(headers)):
            self._pin = pin[1].decode()

    def _hear_status(self, subject: bytes, headers: bytes) -> None:
        if subject != self._status_subject:
            return  # about a consumer given up
        self._last_sign = self._loop.time()
        status = headers[9:12]  # after "NATS/1.0 "
        if status == b"100":
            return
        left_over = _LEFT_OVER.search(headers)
        if status in (b"408", b"409") and left_over:  # an order expired, or is full by its bytes
            self._on_order -= int(left_over[1])
            if status == b"409" and int(left_over[1]) == BATCH:
                self._bytes_max *= 2  # not even one message fitted
        else:
            self._give_up(f"status_{status.decode()}")
        self._wake()

    def _stumble(self, reason: str) -> None:
        """Handle a missing sequence: lost on the way, in one replica, or for ever."""
        if self._hole_after != self._last:
            self._hole_after, self._hole_seen = self._last, 0
        self._hole_seen += 1
        self._hole = reason
        if self._hole_seen > ATTEMPTS:
            self._failure = HoleError(reason)
        self._give_up("hole")
        self._wake()

    async def close(self) -> None:
        """Stop reading and let the server forget this reader."""
        if self.closed:
            return
        self.closed = True
        self._wake()
        if self._wake in self._connection.watchers:
            self._connection.watchers.remove(self._wake)
        if self._tapped is not None:
            await self._connection.unsubscribe_raw(self._tapped)
        if self._consumer and self._connection.is_sound:
            try:
                await self._api.delete_consumer(self._consumer)
            except (UnavailableError, DeniedError) as fault:
                log.debug("reader_left_behind", reason=str(fault))
