"""Requests of JetStream and their JSON: the few that a log needs, about one stream."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from deadreckon.contracts.timestamps import parse_timestamp
from deadreckon.runtime.log.bus import (
    BusyError,
    ConfigurationError,
    LogInfo,
    Stored,
    UnavailableError,
)
from deadreckon.runtime.log.connection import Connection

ANSWER_WAIT = 2.0  # seconds; a later answer means "unknown, try the same again", which is harmless

# The server's own error codes: the few that mean something here.
WRONG_LAST_SEQUENCE = (10071, 10164)
MESSAGE_TOO_LARGE = 10054
STREAM_NOT_FOUND = 10059
STREAM_EXISTS = 10058
MESSAGE_NOT_FOUND = 10037
TOO_MANY_REQUESTS = 429  # an HTTP-like code: the server's buffer for the stream is full
# Want of room comes as a 400, but is no more the author's fault than a 503 is.
# So does a server that keeps as many readers as it may; it forgets those that went away.
OUT_OF_RESOURCES = (10002, 10023, 10026, 10028, 10047, 10077)


class Refusal(Struct):
    """An error that JetStream answered with."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Acknowledgement(Struct):
    """The answer to an append."""

    error: Refusal | None = None
    stream: str = ""
    sequence: int = msgspec.field(name="seq", default=0)


class _Message(Struct):
    subject: str
    seq: int
    time: str
    data: bytes = b""  # base64 on the wire, which msgspec takes apart


class _State(Struct):
    messages: int
    bytes: int
    first_seq: int
    last_seq: int
    num_deleted: int = 0


class _Peer(Struct, frozen=True):
    name: str


class _Cluster(Struct, frozen=True):
    leader: str = ""
    replicas: list[_Peer] = []


class _ConsumerConfig(Struct):
    inactive_threshold: int = 0


class _Consumer(Struct):
    name: str
    config: _ConsumerConfig


class _ConsumerPage(Struct):
    error: Refusal | None = None
    total: int = 0
    consumers: list[_Consumer] | None = None


class _Answer(Struct):
    error: Refusal | None = None
    config: dict[str, Any] = {}
    state: _State | None = None
    message: _Message | None = None
    cluster: _Cluster = _Cluster()


T = TypeVar("T")


class ApiError(ConfigurationError):
    """You asked JetStream for something it does not do here; `code` is its own error code."""

    def __init__(self, request: str, refusal: Refusal) -> None:
        super().__init__(f"{request}: {refusal.description} ({refusal.err_code})")
        self.code = refusal.err_code


class JetStreamApi:
    """Requests about one stream, below a prefix, which names another account's API."""

    def __init__(self, connection: Connection, prefix: str, stream: str) -> None:
        self.connection = connection
        self.prefix = prefix
        self.stream = stream

    async def store(
        self, subject: str, payload: bytes, headers: dict[str, str] | None
    ) -> Acknowledgement:
        """Publish a message into the stream and return the acknowledgement."""
        answer = await self.connection.request(subject, payload, ANSWER_WAIT, headers)
        return _decode(subject, answer.payload, Acknowledgement)

    async def configuration(self) -> dict[str, Any] | None:
        """Return the stream's configuration; null when there is no stream."""
        try:
            return (await self._ask(f"STREAM.INFO.{self.stream}", {})).config
        except ApiError as error:
            if error.code == STREAM_NOT_FOUND:
                return None
            raise

    async def create(self, configuration: dict[str, Any]) -> dict[str, Any] | None:
        """Create the stream; return its configuration, or null when another one has its name."""
        try:
            return (await self._ask(f"STREAM.CREATE.{self.stream}", configuration)).config
        except ApiError as error:
            if error.code == STREAM_EXISTS:
                return None
            raise

    async def update(self, configuration: dict[str, Any]) -> None:
        """Change the stream's configuration to this one."""
        await self._ask(f"STREAM.UPDATE.{self.stream}", configuration)

    async def info(self) -> LogInfo:
        """Return first and last sequence and what is deleted, asked of the leader."""
        state = (await self._ask(f"STREAM.INFO.{self.stream}", {})).state
        if state is None:
            raise UnavailableError("an answer without the state of the stream")
        return LogInfo(
            state.first_seq, state.last_seq, state.messages, state.bytes, state.num_deleted
        )

    async def tail(self, filter: str) -> Stored | None:
        """Return the last message under a filter, from the leader (a follower may be behind)."""
        return await self._get({"last_by_subj": filter})

    async def message(self, sequence: int) -> Stored | None:
        """Return one message by its sequence, asked of the leader."""
        return await self._get({"seq": sequence})

    async def _get(self, which: dict[str, Any]) -> Stored | None:
        try:
            it = (await self._ask(f"STREAM.MSG.GET.{self.stream}", which)).message
        except ApiError as error:
            if error.code == MESSAGE_NOT_FOUND:
                return None
            raise
        if it is None:
            raise UnavailableError(f"{which}: an answer without a message")
        return Stored(it.seq, it.subject, it.data, parse_timestamp(it.time))

    async def nodes(self) -> list[str]:
        """List the servers that keep the stream, its leader first; empty if there is only one."""
        cluster = (await self._ask(f"STREAM.INFO.{self.stream}", {})).cluster
        return (
            [cluster.leader, *(peer.name for peer in cluster.replicas)] if cluster.replicas else []
        )

    async def create_consumer(self, name: str, configuration: dict[str, Any]) -> str:
        """Create a consumer for a reader; return the server that keeps it, in a cluster."""
        arguments = {
            "stream_name": self.stream,
            "action": "create",
            "config": {**configuration, "name": name},
        }
        created = await self._ask(f"CONSUMER.CREATE.{self.stream}.{name}", arguments)
        return created.cluster.leader

    async def lasting_consumers(self) -> list[str]:
        """List the consumers that the server would keep for ever, used or not."""
        found: list[_Consumer] = []
        subject = f"{self.prefix}.CONSUMER.LIST.{self.stream}"
        while True:
            page = await self._page(subject, len(found))
            found += page.consumers or []
            if not page.consumers or len(found) >= page.total:
                return [each.name for each in found if not each.config.inactive_threshold]

    async def _page(self, subject: str, offset: int) -> _ConsumerPage:
        payload = msgspec.json.encode({"offset": offset})
        answer = await self.connection.request(subject, payload, ANSWER_WAIT)
        page = _decode(subject, answer.payload, _ConsumerPage)
        if page.error is not None:
            raise failure("CONSUMER.LIST", page.error)
        return page

    def next_subject(self, consumer: str) -> str:
        """Return the subject on which a reader requests more messages."""
        return f"{self.prefix}.CONSUMER.MSG.NEXT.{self.stream}.{consumer}"

    async def delete_consumer(self, name: str) -> None:
        """Delete a consumer; the server does so by itself after a while."""
        subject = f"{self.prefix}.CONSUMER.DELETE.{self.stream}.{name}"
        await self.connection.request(subject, b"", 1.0)

    async def ask(self, request: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send any other request about the stream; return the answer as it came."""
        subject = f"{self.prefix}.{request}.{self.stream}"
        payload = msgspec.json.encode(arguments)
        answer = await self.connection.request(subject, payload, ANSWER_WAIT)
        reply: dict[str, Any] = _decode(subject, answer.payload, dict)
        if "error" in reply:
            raise failure(request, msgspec.convert(reply["error"], Refusal))
        return reply

    async def _ask(self, request: str, arguments: dict[str, Any]) -> _Answer:
        subject = f"{self.prefix}.{request}"
        payload = msgspec.json.encode(arguments)
        answer = await self.connection.request(subject, payload, ANSWER_WAIT)
        reply = _decode(subject, answer.payload, _Answer)
        if reply.error is not None:
            raise failure(request, reply.error)
        return reply


def _decode(subject: str, payload: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=kind)
    except msgspec.MsgspecError as error:
        raise UnavailableError(f"{subject}: an answer that is none: {error}") from error


def failure(request: str, refusal: Refusal) -> UnavailableError | ApiError:
    """Return UnavailableError if the server may do it later, ApiError if it never will."""
    if refusal.code == TOO_MANY_REQUESTS:
        return BusyError(f"{request}: {refusal.description} ({refusal.err_code})")
    if refusal.code >= 500 or refusal.err_code in OUT_OF_RESOURCES:
        return UnavailableError(f"{request}: {refusal.description} ({refusal.err_code})")
    return ApiError(request, refusal)
