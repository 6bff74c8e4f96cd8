"""What a log holds, in a form that two logs of one tape can be compared in."""

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
from deadreckon.runtime.log.reading import messages
from deadreckon.tools.crashtest.inputs import DOOR, PRODUCER


class Said(Struct, frozen=True, gc=False):
    """One event of a domain: what it says, and how many rows of the tape lay before it."""

    id: str
    body: str
    row: int


class Finding(Struct, frozen=True):
    """Something that would not be so in an undisturbed run: `kind` is lost, doubled or differs;
    `row` is how many rows of the tape lay before it."""

    kind: str
    row: int
    what: str


class Account(Struct):
    """Every event by domain in log order, the run digest, and what the log contradicts itself in.

    Only what the script says at the doors counts; a stack tells its own starts there too.
    """

    events: dict[str, list[Said]] = {}
    faults: list[Finding] = []
    digest: str = ""
    rows: int = 0
    last: int = 0


class _Covering(Struct):
    """Up to where a service's commits cover its inputs, and the last input it answered."""

    to: int = 0
    answered: tuple[int, int] = (0, -1)


class _Accountant:
    """Folds a log into an account."""

    def __init__(self) -> None:
        self.account = Account()
        self._digest = RunDigest()
        self._covering: dict[str, _Covering] = {}

    def fold(self, message: Message) -> None:
        """Move on by one message."""
        self.account.last = message.sequence
        if message.damage:
            self._fault("differs", f"sequence {message.sequence} is damaged: {message.damage}")
        if message.subject.is_door:
            self._door(message)
        elif message.commit is not None and not message.damage:
            self._commit(message, message.commit)

    def finish(self) -> Account:
        """The account, complete."""
        self.account.digest = self._digest.hexdigest()
        return self.account

    def _door(self, message: Message) -> None:
        if message.subject.leaf in (DOOR, PRODUCER):
            name = f"door {message.subject.service}.{message.subject.leaf}"
            self._keep(name, digest(message.payload), "")

    def _commit(self, message: Message, commit: Commit) -> None:
        subject = message.subject
        domain = f"{subject.book}.{subject.service}"
        for envelope, said in zip(commit.events, message.facts, strict=True):
            if isinstance(said.event, BarClosed):
                self.account.rows += 1
            self._digest.fold(subject, envelope)
            self._keep(domain, envelope.id, digest(bytes(envelope.data)))
        if subject.book != SHARED:
            self._check_covering(domain, commit)

    def _check_covering(self, domain: str, commit: Commit) -> None:
        """No range goes back behind another, no input is answered twice or out of order."""
        covering = self._covering.setdefault(domain, _Covering())
        # Who begins with a snapshot stands behind what was no question to it, its own last commit
        # for instance: a gap is none.
        if commit.first <= covering.to or commit.to < covering.to:
            self._fault("differs", f"{domain}: {commit.first}..{commit.to} after {covering.to}")
        covering.to = commit.to
        for place, index, _ in commit.answers:
            if (place, index) <= covering.answered:
                self._fault("doubled", f"{domain} answers {place}/{index} again")
            covering.answered = max(covering.answered, (place, index))

    def _keep(self, domain: str, id: str, body: str) -> None:
        self.account.events.setdefault(domain, []).append(Said(id, body, self.account.rows))

    def _fault(self, kind: str, what: str) -> None:
        self.account.faults.append(Finding(kind, self.account.rows, what))


async def take_account(bus: Bus) -> Account:
    """Read a log from end to end."""
    accountant = _Accountant()
    async for message in messages(bus):
        accountant.fold(message)
    return accountant.finish()


def compare(found: Account, wanted: Account) -> list[Finding]:
    """What was lost, doubled or changed, seen from the undisturbed account."""
    findings = list(found.faults)
    for domain in sorted(found.events.keys() | wanted.events.keys()):
        mine, theirs = found.events.get(domain, []), wanted.events.get(domain, [])
        findings += _compare(domain, mine, theirs)
    if not findings and found.digest != wanted.digest:
        findings.append(Finding("differs", found.rows, "the run digest, in the order of events"))
    return findings


def compare_upto(found: Account, wanted: Account, row: int) -> list[Finding]:
    """What was not as in the undisturbed account up to a row, and what was said twice later."""
    findings = list(found.faults)
    for domain in sorted(found.events.keys() | wanted.events.keys()):
        mine, theirs = found.events.get(domain, []), wanted.events.get(domain, [])
        early = [said for said in mine if said.row <= row]
        findings += _compare(domain, early, [said for said in theirs if said.row <= row])
        again = Counter(said.id for said in mine)
        findings += [
            Finding("doubled", said.row, f"{domain} said {said.id} more than once")
            for said in mine
            if again[said.id] > 1
        ]
    return findings


def _compare(domain: str, found: list[Said], wanted: list[Said]) -> Iterator[Finding]:
    known = {said.id: said for said in wanted}
    left = Counter(said.id for said in wanted)
    for said in found:
        left[said.id] -= 1
        if said.id not in known:
            yield Finding("doubled", said.row, f"{domain} said {said.id}, which nobody awaited")
        elif left[said.id] < 0:
            yield Finding("doubled", said.row, f"{domain} said {said.id} again")
        elif said.body != known[said.id].body:
            yield Finding("differs", said.row, f"{domain} said {said.id} otherwise")
    for name, count in left.items():
        if count > 0:
            yield Finding("lost", known[name].row, f"{domain} never said {name}")


def differing(values: dict[str, Any], others: dict[str, Any]) -> list[str]:
    """The names under which two dictionaries differ."""
    return [name for name in sorted(values | others) if values.get(name) != others.get(name)]
