"""Check of every copy of the log: a cluster never compares them, and lets any one lead."""

from msgspec import Struct

from deadreckon.runtime.log.bus import HoleError, UnavailableError
from deadreckon.runtime.log.jetstream_api import JetStreamApi
from deadreckon.runtime.log.jetstream_reader import JetStreamReader


class Replica(Struct, frozen=True):
    """Copy of the log on one node: how many messages were read of it, and what is wrong with it."""

    node: str
    messages: int
    fault: str = ""


async def examine_replicas(api: JetStreamApi) -> list[Replica]:
    """Read the log from each node that keeps it, whole; [] where only one server does."""
    last = (await api.info()).last
    return [await _examine(api, node, last) for node in await api.nodes()]


async def _examine(api: JetStreamApi, node: str, last: int) -> Replica:
    reader = JetStreamReader(api, 0, node=node)
    done = 0
    try:
        await reader.open()
        while done < last:
            for stored in await reader.next(1.0):
                done = stored.sequence
    except (HoleError, UnavailableError) as error:
        return Replica(node, done, str(error))
    finally:
        await reader.close()
    return Replica(node, done)
