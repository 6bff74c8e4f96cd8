"""Recovery: the log in the order in which a publisher took it, with the recorded answers."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from deadreckon.contracts.envelope import Commit
from deadreckon.contracts.errors import OperationalError
from deadreckon.contracts.event import Recorded
from deadreckon.runtime.log.feed import Message
from deadreckon.runtime.service.ingress import Ingress

PendingQuestion = tuple[int, int, Recorded[Any]]  # sequence, index, the fact there


class RecoveryError(OperationalError):
    """You read a log that contradicts itself; the message names the commit and the input."""


class Recovery:
    """Pairs of questions and recorded answers, message by message; a function of the log alone.

    With `counts_answers` false the publisher is an edge, which publishes what the outside world
    answered: its events follow everything that their commit covers, and do not answer any of it.

    `waiting` holds the questions that no commit has covered yet, oldest first. `n` is the number of
    the last own commit taken, `committed` and `part` are what it covers: every input up to message
    `committed`, and `part` facts of the next one. For a service that begins with a snapshot they
    are those of the snapshot; commits up to `n` are passed over when they are met. `begun` holds
    the answers of a question whose answers are too many for one commit, until all are there.
    """

    def __init__(
        self,
        service: str,
        book: str,
        intake: Ingress,
        n: int = 0,
        committed: int = 0,
        *,
        counts_answers: bool = True,
    ) -> None:
        self._service = service
        self._book = book
        self._intake = intake
        self._counts_answers = counts_answers
        self.waiting: deque[PendingQuestion] = deque()
        self.n = n
        self.committed = committed
        self.part = 0
        self.begun: dict[tuple[int, int], list[Recorded[Any]]] = {}

    def continued(self, intake: Ingress, n: int, committed: int) -> "Recovery":
        """Return the recovery that goes on behind a snapshot: after commit `n`, which covered every
        input up to message `committed`."""
        counts_answers = self._counts_answers
        return Recovery(
            self._service, self._book, intake, n, committed, counts_answers=counts_answers
        )

    def is_own(self, message: Message) -> bool:
        """Tell whether the publisher wrote this message."""
        return message.subject.service == self._service and message.subject.book == self._book

    def take(self, message: Message) -> Iterator[tuple[PendingQuestion, list[Recorded[Any]]]]:
        """Yield the questions that this message settles, in the publisher's order, with their
        answers.

        Raises RecoveryError for a message in the service's own domain that it cannot have
        written so: its state would not be the one it decided by.
        """
        if message.damage and self.is_own(message):
            raise RecoveryError(
                f"{self._service}: message {message.sequence} of its own domain is damaged: "
                f"{message.damage}"
            )
        if message.commit is None or not self.is_own(message):
            for index, record in enumerate(self._intake.records_of(message)):
                self.waiting.append((message.sequence, index, record))
            return
        commit = message.commit
        if commit.n <= self.n:
            return
        yield from self._settled(message, commit)
        self.n, self.committed, self.part = commit.n, commit.to, commit.part

    def _settled(
        self, message: Message, commit: Commit
    ) -> Iterator[tuple[PendingQuestion, list[Recorded[Any]]]]:
        counts = {(sequence, index): count for sequence, index, count in commit.answers}
        if self._counts_answers and sum(counts.values()) != len(message.facts):
            raise RecoveryError(
                f"{self._service}: commit {commit.n} has {len(message.facts)} events "
                f"and counts {sum(counts.values())}"
            )
        recorded = iter(message.facts)
        end = (commit.to + 1, commit.part)
        while self.waiting and self.waiting[0][:2] < end:
            question = self.waiting.popleft()
            answers = self.begun.pop(question[:2], [])
            count = counts.pop(question[:2], 0)
            yield question, [*answers, *(next(recorded) for _ in range(count))]
        if counts:
            self._begin(commit, counts, list(recorded))
        elif not self._counts_answers:
            for index, record in enumerate(recorded):
                yield (message.sequence, index, record), []

    def _begin(
        self, commit: Commit, counts: dict[tuple[int, int], int], answers: list[Recorded[Any]]
    ) -> None:
        """Keep the answers of the question that comes next; more of them are in the next commit."""
        first = next(iter(counts))
        if len(counts) > 1 or not self.waiting or self.waiting[0][:2] != first:
            raise RecoveryError(
                f"{self._service}: commit {commit.n} answers {first}, "
                "which is no question of this log"
            )
        self.begun.setdefault(first, []).extend(answers)
