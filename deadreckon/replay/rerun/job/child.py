"""A process that asks again, of this or another revision.

Started as `python -m deadreckon.replay.rerun.job.child`.

The log comes in on standard input, the answers go out as lines of JSON.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import BinaryIO

import msgspec

from deadreckon import __version__
from deadreckon.contracts.event import Mode
from deadreckon.replay.rerun.job.protocol import (
    PROTOCOL,
    Ended,
    Explained,
    Hello,
    RefusedTask,
    Reply,
    RerunTask,
    encode_line,
    unpack,
    unpack_task,
)
from deadreckon.replay.rerun.redecide import Redecider, StartState, TimeSpan
from deadreckon.replay.rerun.rerun import Rerun
from deadreckon.replay.rerun.states import StateEffects, effects
from deadreckon.replay.rerun.strategy_code import StrategyCodes, concerns
from deadreckon.runtime.log.feed import Decoding, Message
from deadreckon.runtime.process.source_tree import ROOT
from deadreckon.runtime.service.fold_code import fold_code
from deadreckon.runtime.service.recovery import RecoveryError
from deadreckon.services.assembly import decider
from deadreckon.services.catalogue import DECIDERS
from deadreckon.strategies.registry import REGISTRY

GARBAGE_EVERY = 200_000  # what is decoded is plain and let go of at once; cycles are rare
READ_AHEAD = 1024 * 1024  # bytes


def main() -> None:
    """Answer the one task that comes in."""
    gc.set_threshold(GARBAGE_EVERY)
    source = open(sys.stdin.fileno(), "rb", buffering=READ_AHEAD)  # noqa: SIM115
    task = unpack_task(source)
    known = {name: fold_code([DECIDERS[name]]) for name in task.services if name in DECIDERS}
    _send(Hello(PROTOCOL, __version__, str(ROOT), known))
    if unknown := [name for name in task.services if name not in DECIDERS]:
        _send(RefusedTask(f"it has no service that decides and is called {', '.join(unknown)}"))
        return
    REGISTRY.accepts_any_code = task.any_strategy_code
    try:
        _send(answer(task, source))
    except RecoveryError as error:
        _send(RefusedTask(str(error)))


def answer(task: RerunTask, source: BinaryIO) -> Reply:
    """Carry out a task. Raises RecoveryError for a log that contradicts itself."""
    if task.explains:
        return Explained(explained(task, _messages(task, source)))
    beginnings, codes = _beginnings(task), StrategyCodes()
    rerun = Rerun(
        {name: decider(name) for name in task.services},
        book=task.book,
        mode=_mode(task),
        span=TimeSpan(task.begin, task.end),
        beginnings=beginnings,
    )
    for start in beginnings.values():
        codes.take_state(start.state)
    for message in _messages(task, source):
        codes.take(message)
        rerun.take(message)
        if rerun.past:
            break
    if codes.faults and concerns(task.services) and not task.any_strategy_code:
        return RefusedTask(f"{codes.faults[0]} (or ask it all the same: --code {ROOT})")
    return Ended(rerun.end())


def explained(task: RerunTask, messages: Iterator[Message]) -> StateEffects | None:
    """Explain the one question that the task names."""
    if task.explains is None:
        return None
    service, sequence, index = task.explains
    begun = _beginnings(task).get(service)
    redecider = Redecider(service, task.book, decider(service), _mode(task), begun)
    for message in messages:
        if met := redecider.lead(message, sequence, index):
            break
    else:
        met = redecider.lead_at_end(sequence, index)
    return effects(redecider.runner, *met, whole=task.whole) if met else None


def _messages(task: RerunTask, source: BinaryIO) -> Iterator[Message]:
    links = {tuple(name.split(".", 1)): link for name, link in task.links.items()}
    decoding = Decoding(from_start=True, links=links or None)  # type: ignore[arg-type]
    return map(decoding.decode, unpack(source))


def _beginnings(task: RerunTask) -> dict[str, StartState]:
    """Decode the states to begin with; raises msgspec.ValidationError for another shape."""
    return {
        name: StartState(
            start.n,
            start.sequence,
            start.ingress,
            msgspec.json.decode(start.state, type=type(decider(name).initial())),
        )
        for name, start in task.starts.items()
    }


def _mode(task: RerunTask) -> Mode:
    mode: Mode = msgspec.convert(task.mode, Mode)
    return mode


def _send(line: Reply) -> None:
    output = sys.__stdout__
    assert output is not None, "started with PIPE as stdout"
    output.buffer.write(encode_line(line) + b"\n")
    output.buffer.flush()


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):  # what a strategy or a logger prints is no answer
        main()
