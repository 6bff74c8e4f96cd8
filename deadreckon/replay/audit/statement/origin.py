"""Origin of a statement: its messages, their bytes, and the programs that decided in them.

The root is that of the archive's Merkle tree (`archive/merkle.py`) over the stored messages from
the first to the last one of the statement, so that one changed byte in any of them shows.
"""

from msgspec import Struct, field

from deadreckon.archive.merkle import Tree, leaf_hash
from deadreckon.runtime.log.bus import Stored
from deadreckon.runtime.log.feed import Message


def _leaf(message: Message) -> bytes:
    subject = message.subject
    named = f"log.{subject.book}.{subject.service}.{subject.leaf}"
    return leaf_hash(Stored(message.sequence, named, message.payload, message.stored_at))


class CodeVersion(Struct):
    """A version of the program that a service decided with, and where it did."""

    commits: int
    first: int
    last: int


class Origin(Struct):
    """Fold of a log's messages up to the last that counts."""

    tree: Tree = field(default_factory=Tree)
    codes: dict[tuple[str, str], CodeVersion] = field(default_factory=dict)  # (service, version)
    begun: bool = False
    waiting: list[bytes] = field(default_factory=list)
    unsure: list[tuple[str, str, int]] = field(default_factory=list)

    def read(self, message: Message) -> None:
        """Take a message; whether it belongs to the statement may be known later."""
        if not self.begun:
            self.waiting.clear()
            self.unsure.clear()
        self.waiting.append(_leaf(message))
        if message.commit is not None:
            record = (message.subject.service, message.commit.code, message.sequence)
            self.unsure.append(record)

    def reach(self) -> None:
        """Extend the statement to the last message read."""
        self.begun = True
        for hashed in self.waiting:
            self.tree.add(hashed)
        for service, code, sequence in self.unsure:
            found = self.codes.setdefault((service, code), CodeVersion(0, sequence, sequence))
            found.commits += 1
            found.last = sequence
        self.waiting.clear()
        self.unsure.clear()
