"""Soak test: memory of each process and growth of each file, over hours."""

import time
from pathlib import Path

from deadreckon.contracts.event import NANOSECONDS
from deadreckon.runtime.log.role_connections import RoleConnections
from deadreckon.runtime.process.child_process import ChildProcess
from deadreckon.runtime.process.folder import Folder
from deadreckon.runtime.server.nats_server import running_server
from deadreckon.runtime.server.rights import STACK
from deadreckon.services.catalogue import RANK
from deadreckon.tools.bench.figures import Figure, bounded
from deadreckon.tools.bench.fixture import PRODUCER, CaseError, Fixture
from deadreckon.tools.bench.memory import (
    SIZE_MAX,
    Driver,
    MemorySample,
    drive,
    full_horizon,
    growth,
    resident,
)
from deadreckon.tools.bench.restart import listening, stack_process

EVENTS = 5_000_000
MILLION = 1_000_000
BARS = "▁▂▃▄▅▆▇█"
WHOLE = "stack with its views"


async def measure(fixture: Fixture) -> list[Figure]:
    """Measure `dr up` with one process per service, views and snapshots, under steady orders."""
    events = fixture.events or fixture.size(EVENTS, 20_000)
    with fixture.folder("soak") as folder:
        (folder.root / "soak.toml").write_text("processes = true\n", "utf-8")
        begun = time.monotonic()
        async with stack_process(folder, "--config", str(folder.root / "soak.toml")) as process:
            await listening(folder, process)
            address = running_server(folder.root)
            assert address is not None, "somebody waited until it listens"
            bus = await RoleConnections.open(address.endpoint, STACK, [PRODUCER, "market"])
            try:
                samples = await drive(
                    bus,
                    process,
                    events,
                    time.time_ns() + NANOSECONDS,
                    lambda driver: _sample(driver, folder, process),
                    lambda sample: fixture.tell(_summary(sample)),
                )
            finally:
                await bus.close()
        fixture.tell(f"{samples[-1].events:,} events in {time.monotonic() - begun:,.0f} s")
    for line in _lines(samples):
        fixture.tell(line)
    return figures(samples)


def _sample(driver: Driver, folder: Folder, process: ChildProcess) -> MemorySample:
    memory = {name: resident(pid) for name, pid in _processes(process.pid).items()}
    files: dict[str, float] = {}
    for path in folder.root.rglob("*"):
        part = path.relative_to(folder.root).parts[0].partition(".")[0]
        files[part] = files.get(part, 0.0) + _megabytes(path)
    return MemorySample(driver.events, memory, files)


def _megabytes(path: Path) -> float:
    try:
        return path.stat().st_size / 1e6 if path.is_file() else 0.0
    except FileNotFoundError:  # a part that was merged, or a snapshot that was replaced
        return 0.0


def _processes(parent: int) -> dict[str, int]:
    """Find the stack's process and its children, by name."""
    found = {WHOLE: parent}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text("utf-8").rpartition(")")[2].split()
            record = path.with_name("cmdline").read_bytes().decode().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        if int(words[1]) == parent:
            found[_name(record)] = int(path.parent.name)
    if len(found) <= len(RANK):
        raise CaseError("the processes of the stack are not to be seen under /proc")
    return found


def _name(record: list[str]) -> str:
    """Name a child process by its command line: a service, a module, or another program."""
    modules = [word.rpartition(".")[2] for word in record if word.startswith("deadreckon.")]
    return next((name for name in RANK if name in record), [*modules, Path(record[0]).name][0])


def _summary(sample: MemorySample) -> str:
    most = max((name for name in sample.memory if name in RANK), key=sample.memory.__getitem__)
    files = ", ".join(f"{name} {size:.0f}" for name, size in sample.files.items() if size >= 1)
    return f"{sample.events:,} events; {most} {sample.memory[most]:.0f} MB; files (MB): {files}"


def _lines(samples: list[MemorySample]) -> list[str]:
    """Draw each process's memory as a line of bars, from 0 to its maximum."""
    lines = []
    for name in samples[-1].memory:
        sizes = [sample.memory.get(name, 0.0) for sample in samples]
        bars = "".join(BARS[min(7, int(8 * size / (max(sizes) or 1)))] for size in sizes)
        lines.append(f"{name:20} {bars} {sizes[0]:.0f} to {sizes[-1]:.0f} MB")
    return lines


def figures(samples: list[MemorySample]) -> list[Figure]:
    """Compute growth of memory and of files.

    Memory slopes start once the horizon is full, when as many ids expire as arrive. Files grow
    with the log, which never expires.
    """
    last = samples[-1]
    full = full_horizon(samples)
    found = []
    for name, size in sorted(last.memory.items()):
        slope = growth(full, last, name) / max(last.events - full.events, 1) * MILLION
        label = f"{name} after {last.events:,} events"
        service = name in RANK
        found += [
            bounded(label, size, "MB", SIZE_MAX) if service else Figure(label, size, "MB"),
            Figure(f"{name}, slope per million", slope, "MB"),
        ]
    for name, size in sorted(last.files.items()):
        slope = (size - samples[0].files.get(name, 0.0)) / last.events * MILLION
        if slope >= 1:
            found.append(Figure(f"{name} on disk, slope per million", slope, "MB"))
    return found
