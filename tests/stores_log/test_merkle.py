"""The log's hash tree against the definitions of RFC 9162, written down once more and naively."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.stores import merkle
from trustkit.stores.merkle import Frontier

CONTENTS = st.lists(st.binary(max_size=8), max_size=70)
# The test vectors of certificate transparency's own tests (RFC 6962).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOT_OF_1 = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
ROOT_OF_8 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def tree(contents: list[bytes]) -> bytes:
    # MTH of section 2.1.1, word for word.
    if not contents:
        return sha256().digest()
    if len(contents) == 1:
        return sha256(b"\0" + contents[0]).digest()
    k = below(len(contents))
    return sha256(b"\1" + tree(contents[:k]) + tree(contents[k:])).digest()


def path(m: int, contents: list[bytes]) -> list[bytes]:
    # PATH of section 2.1.3.1.
    if len(contents) == 1:
        return []
    k = below(len(contents))
    if m < k:
        return [*path(m, contents[:k]), tree(contents[k:])]
    return [*path(m - k, contents[k:]), tree(contents[:k])]


def subproof(m: int, contents: list[bytes], is_whole: bool) -> list[bytes]:
    # SUBPROOF of section 2.1.4.1.
    if m == len(contents):
        return [] if is_whole else [tree(contents)]
    k = below(len(contents))
    if m <= k:
        return [*subproof(m, contents[:k], is_whole), tree(contents[k:])]
    return [*subproof(m - k, contents[k:], False), tree(contents[:k])]


def below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def hashes(contents: list[bytes]) -> list[bytes]:
    return [merkle.leaf_hash(content) for content in contents]


def flipped(value: bytes) -> bytes:
    return bytes([value[0] ^ 1]) + value[1:]


def test_roots_are_those_of_certificate_transparency() -> None:
    assert merkle.root(hashes(LEAVES[:1])).hex() == ROOT_OF_1
    assert merkle.root(hashes(LEAVES)).hex() == ROOT_OF_8
    assert merkle.root([]) == sha256().digest()


@given(CONTENTS, st.integers(0, 70))
def test_a_log_that_is_extended_has_the_root_of_the_whole(contents: list[bytes], cut: int) -> None:
    leaves = hashes(contents)

    frontier = Frontier().extended(leaves[:cut]).extended(leaves[cut:])

    assert frontier.root() == tree(contents)
    assert frontier.size == len(contents)
    assert len(frontier.hashes) == len(contents).bit_count()


@given(CONTENTS.filter(bool), st.data())
def test_an_inclusion_proof_holds_for_its_leaf_place_and_size_alone(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves, size = hashes(contents), len(contents)
    place = data.draw(st.integers(0, size - 1))

    proof = merkle.inclusion_proof(leaves, place)

    top = tree(contents)
    assert proof == path(place, contents)
    assert merkle.is_included(leaves[place], place, size, proof, top)
    assert not merkle.is_included(flipped(leaves[place]), place, size, proof, top)
    assert not merkle.is_included(leaves[place], place, size, proof, flipped(top))
    assert not merkle.is_included(leaves[place], place, size, [*proof, top], top)
    if proof:
        wrong = data.draw(st.integers(0, len(proof) - 1))
        broken = [flipped(h) if i == wrong else h for i, h in enumerate(proof)]
        assert not merkle.is_included(leaves[place], place, size, broken, top)
        assert not merkle.is_included(leaves[place], place, size, proof[:-1], top)
    other = data.draw(st.integers(-1, size))
    if other != place and not (0 <= other < size and leaves[other] == leaves[place]):
        assert not merkle.is_included(leaves[place], other, size, proof, top)


@given(CONTENTS.filter(bool), st.data())
def test_a_consistency_proof_holds_for_the_start_of_the_log_alone(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves, larger = hashes(contents), len(contents)
    size = data.draw(st.integers(1, larger))

    proof = merkle.consistency_proof(leaves, size)

    old, new = tree(contents[:size]), tree(contents)
    assert proof == subproof(size, contents, True)
    assert merkle.is_consistent(size, old, larger, new, proof)
    assert not merkle.is_consistent(size, flipped(old), larger, new, proof)
    assert not merkle.is_consistent(size, old, larger, flipped(new), proof)
    assert not merkle.is_consistent(size, old, larger, new, [*proof, new])
    if proof:
        assert not merkle.is_consistent(size, old, larger, new, proof[:-1])
        assert not merkle.is_consistent(larger, new, size, old, proof)


def test_places_outside_the_log_have_no_proof() -> None:
    leaves = hashes(LEAVES)
    for place in (-1, 8):
        with pytest.raises(IndexError):
            merkle.inclusion_proof(leaves, place)
    for size in (0, 9):
        with pytest.raises(IndexError):
            merkle.consistency_proof(leaves, size)


def test_a_leaf_cannot_be_passed_off_as_a_node() -> None:
    left, right = hashes([b"a", b"b"])

    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
