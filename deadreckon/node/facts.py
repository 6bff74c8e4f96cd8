"""Publication of an operator's fact."""

from deadreckon.contracts.catalogue import NAMES
from deadreckon.contracts.event import Event
from deadreckon.contracts.inbound import write_fact
from deadreckon.contracts.subjects import operator_subject
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.domain import retry


async def publish_fact(bus: Bus, book: str, name: str, fact_id: str, event: Event) -> int:
    """Publish one operator's fact, retrying until it is stored; return its sequence.

    The fact's id makes a second copy harmless.
    """
    payload = write_fact(fact_id, NAMES[type(event)], event)
    return await retry(lambda: bus.append(operator_subject(book, name), payload))
