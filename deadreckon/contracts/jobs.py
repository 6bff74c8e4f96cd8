"""Jobs: long work that a decider asks for in place of an event, and whose result is the event."""

from typing import ClassVar

from msgspec import Struct


class Job(Struct, frozen=True):
    """Base of every job: all that the work needs, as plain data.

    `function` ("module:name") takes the job and returns the event that answers the question. It
    runs in a process of its own while the stack is live, so that no service waits for it, and
    within the turn on a tape. Its result is recorded; replay never runs a job.
    """

    function: ClassVar[str]
