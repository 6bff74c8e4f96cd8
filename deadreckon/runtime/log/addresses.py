"""Addresses of NATS servers: URLs separated by commas."""

from collections.abc import Sequence
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct


class Servers(Struct, frozen=True):
    """Servers of one log, without secrets, and the user with whom to connect to any of them."""

    urls: list[str]
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Servers({','.join(self.urls)})"


def servers(text: str | Sequence[str]) -> Servers:
    """Parse the servers in a text or a list.

    The user is taken out of the URLs: a cluster tells its clients of further servers by address
    alone, and they know the same user. Raises ValueError when URLs name two users.

    >>> servers("nats://ann:secret@a:4222,b:4223").urls
    ['nats://a:4222', 'nats://b:4223']
    """
    listed = text.split(",") if isinstance(text, str) else text
    parts = [urlsplit(it if "://" in it else f"nats://{it}") for it in map(str.strip, listed) if it]
    users = {(part.username, part.password) for part in parts if part.username}
    if len(users) > 1:
        raise ValueError("the servers of one log know the same user; the URLs name several")
    user, password = users.pop() if users else (None, None)
    urls = [urlunsplit(part._replace(netloc=part.netloc.rpartition("@")[2])) for part in parts]
    return Servers(urls, user and unquote(user), password and unquote(password))
