"""nats-py as we use it: without WebSockets, whose imports take longer than all others of a verb."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _absent(name: str) -> Iterator[None]:
    """Have a module count as not installed while something that can do without it is imported."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


with _absent("aiohttp"):
    from nats import errors
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription
    from nats.nuid import NUID

__all__ = ["NUID", "Client", "Msg", "Subscription", "errors"]
