"""Jobs that run in a process of their own, so that the event loop goes on meanwhile.

The process reads the job from standard input and writes the event to standard output. It ends
with its parent, and at once when nothing waits for its result any more.
"""

import asyncio
import os
import sys
from importlib import import_module
from typing import Any

import msgspec
from msgspec import Raw, Struct

from deadreckon.contracts.catalogue import NAMES, VERSIONS
from deadreckon.contracts.codec import decode_event, encode_event
from deadreckon.contracts.event import Event
from deadreckon.contracts.jobs import Job
from deadreckon.runtime.process.child_process import dies_with_parent

MODULE = "deadreckon.runtime.process.job_process"
NICE = 5  # what trades comes first where cores are short
STDERR_SHOWN = 2_000  # characters of what a process that failed has left on standard error


class JobFailedError(Exception):
    """A job's process ended without a result; the message has its last words."""


class JobInput(Struct, frozen=True):
    """A job as it crosses to its process; `type` is its class as "module:name"."""

    type: str
    job: Raw


class JobResult(Struct, frozen=True):
    """The event that a job led to."""

    type: str
    v: int
    data: Raw


def run_here(job: Job) -> Event:
    """Run a job in this process and return its event; the caller waits."""
    event: Event = _named(type(job).function)(job)
    return event


async def run_beside(job: Job) -> Event:
    """Run a job in a process of its own and return its event. Raises JobFailedError.

    When the caller is cancelled the process is killed.
    """
    process = await asyncio.create_subprocess_exec(
        *dies_with_parent([sys.executable, "-m", MODULE]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await process.communicate(_packed(job))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not output:
        words = errors.decode("utf-8", "replace").strip()[-STDERR_SHOWN:]
        last = words.splitlines()[-1] if words else f"exit code {process.returncode}"
        raise JobFailedError(f"{type(job).function}: {last}")
    result = msgspec.json.decode(output, type=JobResult)
    return decode_event(result.type, result.v, result.data)


def _packed(job: Job) -> bytes:
    shape = type(job)
    name = f"{shape.__module__}:{shape.__qualname__}"
    return msgspec.json.encode(JobInput(name, Raw(msgspec.json.encode(job))))


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def main() -> None:
    """Run the one job that comes in on standard input."""
    os.nice(NICE)
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=JobInput)
    event = run_here(msgspec.json.decode(given.job, type=_named(given.type)))
    name = NAMES[type(event)]
    result = JobResult(name, VERSIONS[name], Raw(encode_event(event)))
    sys.stdout.buffer.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
