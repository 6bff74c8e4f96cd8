"""The tree of RFC 6962, against its published roots; proofs of every leaf, and of nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as any_of

from deadreckon.archive.merkle import Tree, leaf_hash, proof, proven_root, root_of
from deadreckon.runtime.log.bus import Stored

# The leaves and roots with which implementations of Certificate Transparency are tested.
LEAVES = [
    hashlib.sha256(b"\0" + bytes.fromhex(data)).digest()
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_roots_are_those_of_the_standard(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_a_leaf_is_everything_that_is_stored_of_a_message() -> None:
    stored = Stored(7, "log.desk.risk.events", b"bytes", 1_700_000_000_000_000_000)
    head = (7).to_bytes(8, "big") + stored.stored_at.to_bytes(8, "big") + (20).to_bytes(4, "big")
    written = b"\0" + head + b"log.desk.risk.events" + b"bytes"
    assert leaf_hash(stored) == hashlib.sha256(written).digest()


def hashes(size: int) -> list[bytes]:
    return [hashlib.sha256(b"%d" % number).digest() for number in range(size)]


@given(size=any_of.integers(1, 200), data=any_of.data())
def test_every_leaf_has_a_short_proof_that_leads_to_the_root(
    size: int, data: any_of.DataObject
) -> None:
    leaves = hashes(size)
    index = data.draw(any_of.integers(0, size - 1))
    path = proof(leaves, index)
    assert len(path) <= (size - 1).bit_length()
    assert proven_root(leaves[index], index, size, path) == root_of(leaves)

    other = data.draw(any_of.integers(0, size - 1))
    if other != index:
        assert proven_root(leaves[other], index, size, path) != root_of(leaves)


@pytest.mark.parametrize(("index", "size", "length"), [(5, 5, 3), (-1, 5, 3), (0, 5, 2), (0, 1, 1)])
def test_a_proof_of_another_form_is_refused(index: int, size: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"proof is too|is not among"):
        proven_root(hashes(1)[0], index, size, hashes(length))


def test_a_tree_is_the_same_leaf_by_leaf() -> None:
    tree = Tree()
    for size, leaf in enumerate(hashes(70), 1):
        tree.add(leaf)
        assert tree.root() == root_of(hashes(size))
