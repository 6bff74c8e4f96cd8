"""A request ends with its reply, or with an error: also where the process itself was late."""

import asyncio
import time

import pytest

from deadreckon.runtime.log.bus import UnavailableError
from deadreckon.runtime.log.pending_requests import STALL_SECONDS, PendingRequests


async def test_a_reply_that_came_while_the_process_did_not_run_is_no_timeout() -> None:
    pending = PendingRequests("_INBOX.test")
    inbox, answer = pending.ask("log.desk.risk.events", 0.01)
    time.sleep(0.01 + 4 * STALL_SECONDS)  # noqa: ASYNC251 - a machine that has no time for us
    await asyncio.sleep(0)  # the timer is due before the reply is read

    pending.resolve(inbox.encode(), b"", b"stored", b"")

    assert (await answer).payload == b"stored"


async def test_after_a_stall_it_fails_all_the_same_when_no_reply_comes() -> None:
    pending = PendingRequests("_INBOX.test")
    _, answer = pending.ask("log.desk.risk.events", 0.01)
    time.sleep(0.01 + 4 * STALL_SECONDS)  # noqa: ASYNC251

    with pytest.raises(UnavailableError, match=r"within 0\.01 seconds"):
        await answer
