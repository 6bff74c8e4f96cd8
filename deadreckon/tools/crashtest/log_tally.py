"""Contents of a log, in a form in which two logs of one tape can be compared."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from deadreckon.contracts.envelope import Commit, digest
from deadreckon.contracts.market import BarClosed
from deadreckon.contracts.subjects import SHARED
from deadreckon.replay.digests import RunDigest
from deadreckon.runtime.log.bus import Bus
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.log.reading import read_messages
from deadreckon.tools.crashtest.inputs import OPERATOR_NAME, PRODUCER


class LoggedEvent(Struct, frozen=True, gc=False):
    """One event of a domain: what it says, and how many rows of the tape lay before it."""

    id: str
    body: str
    row: int


class Discrepancy(Struct, frozen=True):
    """Difference from an undisturbed run: `kind` is lost, doubled or differs.

    `row` is how many rows of the tape lay before it.
    """

    kind: str
    row: int
    what: str


class LogTally(Struct):
    """Every event by domain in log order, the run digest, and the contradictions found.

    Of the inbound messages only the script's count; a stack also publishes its own starts there.
    """

    events: dict[str, list[LoggedEvent]] = {}
    faults: list[Discrepancy] = []
    digest: str = ""
    rows: int = 0
    last: int = 0


class _Covering(Struct):
    """Extent to which a service's commits cover its inputs, and the last input it answered."""

    to: int = 0
    answered: tuple[int, int] = (0, -1)


class _Accountant:
    """Fold of a log into a tally."""

    def __init__(self) -> None:
        self.account = LogTally()
        self._digest = RunDigest()
        self._covering: dict[str, _Covering] = {}

    def fold(self, message: Message) -> None:
        """Move on by one message."""
        self.account.last = message.sequence
        if message.damage:
            self._fault("differs", f"sequence {message.sequence} is damaged: {message.damage}")
        if message.subject.is_inbound:
            self._door(message)
        elif message.commit is not None and not message.damage:
            self._commit(message, message.commit)

    def finish(self) -> LogTally:
        """Return the complete tally."""
        self.account.digest = self._digest.hexdigest()
        return self.account

    def _door(self, message: Message) -> None:
        if message.subject.leaf in (OPERATOR_NAME, PRODUCER):
            name = f"door {message.subject.service}.{message.subject.leaf}"
            self._keep(name, digest(message.payload), "")

    def _commit(self, message: Message, commit: Commit) -> None:
        subject = message.subject
        domain = f"{subject.book}.{subject.service}"
        for envelope, record in zip(commit.events, message.facts, strict=True):
            if isinstance(record.event, BarClosed):
                self.account.rows += 1
            self._digest.fold(subject, envelope)
            self._keep(domain, envelope.id, digest(bytes(envelope.data)))
        if subject.book != SHARED:
            self._check_covering(domain, commit)

    def _check_covering(self, domain: str, commit: Commit) -> None:
        """Check that no range goes back behind another, and no input is answered twice or out of
        order."""
        covering = self._covering.setdefault(domain, _Covering())
        # Who begins with a snapshot stands behind what was no question to it, its own last commit
        # for instance: a gap is none.
        if commit.first <= covering.to or commit.to < covering.to:
            self._fault("differs", f"{domain}: {commit.first}..{commit.to} after {covering.to}")
        covering.to = commit.to
        for sequence, index, _ in commit.answers:
            if (sequence, index) <= covering.answered:
                self._fault("doubled", f"{domain} answers {sequence}/{index} again")
            covering.answered = max(covering.answered, (sequence, index))

    def _keep(self, domain: str, id: str, body: str) -> None:
        self.account.events.setdefault(domain, []).append(LoggedEvent(id, body, self.account.rows))

    def _fault(self, kind: str, what: str) -> None:
        self.account.faults.append(Discrepancy(kind, self.account.rows, what))


async def tally_log(bus: Bus) -> LogTally:
    """Read a log from end to end."""
    accountant = _Accountant()
    async for message in read_messages(bus):
        accountant.fold(message)
    return accountant.finish()


def compare(found: LogTally, wanted: LogTally) -> list[Discrepancy]:
    """List what was lost, doubled or changed, compared with the undisturbed log."""
    findings = list(found.faults)
    for domain in sorted(found.events.keys() | wanted.events.keys()):
        mine, theirs = found.events.get(domain, []), wanted.events.get(domain, [])
        findings += _compare(domain, mine, theirs)
    if not findings and found.digest != wanted.digest:
        findings.append(
            Discrepancy("differs", found.rows, "the run digest, in the order of events")
        )
    return findings


def compare_upto(found: LogTally, wanted: LogTally, row: int) -> list[Discrepancy]:
    """List differences from the undisturbed log up to a row, and events recorded twice later."""
    findings = list(found.faults)
    for domain in sorted(found.events.keys() | wanted.events.keys()):
        mine, theirs = found.events.get(domain, []), wanted.events.get(domain, [])
        early = [record for record in mine if record.row <= row]
        findings += _compare(domain, early, [record for record in theirs if record.row <= row])
        again = Counter(record.id for record in mine)
        findings += [
            Discrepancy("doubled", record.row, f"{domain} recorded {record.id} more than once")
            for record in mine
            if again[record.id] > 1
        ]
    return findings


def _compare(
    domain: str, found: list[LoggedEvent], wanted: list[LoggedEvent]
) -> Iterator[Discrepancy]:
    known = {record.id: record for record in wanted}
    left = Counter(record.id for record in wanted)
    for record in found:
        left[record.id] -= 1
        if record.id not in known:
            yield Discrepancy(
                "doubled", record.row, f"{domain} recorded {record.id}, which is unexpected"
            )
        elif left[record.id] < 0:
            yield Discrepancy("doubled", record.row, f"{domain} recorded {record.id} again")
        elif record.body != known[record.id].body:
            yield Discrepancy(
                "differs", record.row, f"{domain} recorded {record.id} with other content"
            )
    for name, count in left.items():
        if count > 0:
            yield Discrepancy("lost", known[name].row, f"{domain} never recorded {name}")


def differing(values: dict[str, Any], others: dict[str, Any]) -> list[str]:
    """List the keys under which two dictionaries differ."""
    return [name for name in sorted(values | others) if values.get(name) != others.get(name)]
