"""The Merkle tree of RFC 6962: one hash for many messages, and short proofs that one is among them.

A leaf is SHA-256(0x00 || sequence || stored_at || length of subject || subject || payload), the
first three big-endian in 8, 8 and 4 bytes; an inner node is SHA-256(0x01 || left || right).
"""

import hashlib
from collections.abc import Sequence
from struct import Struct

from deadreckon.runtime.log.bus import Stored

_HEAD = Struct(">xQQI").pack  # the leading zero byte is the leaf's


def leaf_hash(stored: Stored) -> bytes:
    """Hash one message, exactly as it is stored."""
    subject = stored.subject.encode()
    head = _HEAD(stored.sequence, stored.stored_at, len(subject))
    return hashlib.sha256(head + subject + stored.payload).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows leaf by leaf and keeps only the roots of its full subtrees."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # largest subtree first

    def add(self, leaf: bytes) -> None:
        """Add a leaf, by its hash."""
        self.size += 1
        full = self.size
        while not full & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            full >>= 1
        self._peaks.append(leaf)

    def root(self) -> bytes:
        """Return the hash over all leaves so far."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        *others, root = self._peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves."""
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof of leaf `index`: the sibling on each level, lowest first."""
    if len(leaves) == 1:
        return []
    half = _largest_power_below(len(leaves))
    left, right = leaves[:half], leaves[half:]
    if index < half:
        return [*proof(left, index), root_of(right)]
    return [*proof(right, index - half), root_of(left)]


def proven_root(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a proof leads to; the caller compares it with a root they trust.

    Raises ValueError for a proof that has another length than this index needs.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not among {size}")
    if size == 1:
        if path:
            raise ValueError("the proof is too long")
        return leaf
    if not path:
        raise ValueError("the proof is too short")
    half = _largest_power_below(size)
    if index < half:
        return node_hash(proven_root(leaf, index, half, path[:-1]), path[-1])
    return node_hash(path[-1], proven_root(leaf, index - half, size - half, path[:-1]))


def _largest_power_below(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
