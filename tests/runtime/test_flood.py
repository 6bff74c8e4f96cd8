"""A producer that does not wait for acknowledgements holds up neither the log nor an operator."""

import asyncio
import json
from pathlib import Path

from deadreckon.archive.open_log import open_bus, stack_bus
from deadreckon.contracts.governance import HaltRequested
from deadreckon.contracts.subjects import producer_subject
from deadreckon.node.facts import publish_fact
from deadreckon.runtime.log.jetstream import JetStreamBus
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.credentials import producer_role
from deadreckon.runtime.server.rights import OPERATOR
from deadreckon.runtime.server.server_files import BUFFERED_MAX

SENT = 5 * BUFFERED_MAX


async def test_what_is_not_acknowledged_is_not_stored_and_a_halt_gets_through(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path / "run").create()
    async with (
        stack_bus(folder, None) as stack,
        open_bus(folder, None, producer_role("cli")) as producer,
        open_bus(folder, None, OPERATOR) as operator,
    ):
        assert isinstance(producer, JetStreamBus)
        connection = producer._connection
        answers: list[bytes] = []
        everything = asyncio.Event()

        def hear(subject: bytes, reply: bytes, payload: bytes, headers: bytes) -> None:
            answers.append(payload)
            if len(answers) == SENT:
                everything.set()

        inbox = connection.new_inbox()
        await connection.subscribe_raw(f"{inbox}.*", hear)
        subject = producer_subject("desk", "cli")
        for number in range(SENT):
            await connection.publish(subject, b"x", f"{inbox}.{number}")
        halt = HaltRequested(actor="ann", reason="flood")
        sequence = await publish_fact(operator, "desk", "cli", "f1", halt)
        await everything.wait()

        found = [json.loads(payload) for payload in answers]
        stored = [answer["seq"] for answer in found if answer.get("seq")]
        assert {answer["error"]["code"] for answer in found if "error" in answer} <= {429}
        info = await stack.info()
        assert info.messages >= len(stored) + 1
        assert len(set(stored)) == len(stored)
        assert sequence not in stored
