"""The hash tree of an append-only log: roots, and proofs that something is in it (RFC 9162, 2.1).

RFC 9162 (like RFC 6962 before it) with SHA-256: places count from 0, every hash is 32 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

# Section 2.1.1: a leaf is never taken for a node, whatever bytes it holds.
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(_LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others."""
    return sha256(_NODE + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The roots of the full trees that a log of `size` falls into, from the left.

    Less than 64 hashes stand for a log of any size: to add to it, nothing else need be read.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier of the log with these leaf hashes at its end."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            node, full = leaf, size
            while full & 1:
                node = node_hash(hashes.pop(), node)
                full >>= 1
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        """Return the root of the log."""
        if not self.hashes:
            return EMPTY_ROOT
        *others, node = self.hashes
        for left in reversed(others):
            node = node_hash(left, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root of the tree over these leaf hashes."""
    return Frontier().extended(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """Return what proves that a leaf is in the tree (section 2.1.3.1): the lowest hash first."""
    if not 0 <= place < len(leaves):
        raise IndexError(place)
    start, end, proof = 0, len(leaves), []
    while end - start > 1:
        middle = start + _split(end - start)
        if place < middle:
            proof.append(root(leaves[middle:end]))
            end = middle
        else:
            proof.append(root(leaves[start:middle]))
            start = middle
    return proof[::-1]


def is_included(leaf: bytes, place: int, size: int, proof: Sequence[bytes], top: bytes) -> bool:
    """Tell whether `proof` leads from `leaf` at `place` to the root `top` (section 2.1.3.2)."""
    if not 0 <= place < size:
        return False
    node, own, last = leaf, place, size - 1
    for other in proof:
        if last == 0:
            return False
        if own & 1 or own == last:
            node = node_hash(other, node)
            # Where the tree is ragged a node has no neighbour, and goes up as it is.
            while own and not own & 1:
                own, last = own >> 1, last >> 1
        else:
            node = node_hash(node, other)
        own, last = own >> 1, last >> 1
    return last == 0 and node == top


def consistency_proof(leaves: Sequence[bytes], size: int) -> list[bytes]:
    """Return what proves that the tree begins with its first `size` leaves (section 2.1.4.1)."""
    if not 0 < size <= len(leaves):
        raise IndexError(size)
    start, end, proof = 0, len(leaves), []
    while size != end:
        middle = start + _split(end - start)
        if size <= middle:
            proof.append(root(leaves[middle:end]))
            end = middle
        else:
            proof.append(root(leaves[start:middle]))
            start = middle
    if start:  # the old tree's root is known to who asks, unless a part of it was split off
        proof.append(root(leaves[start:end]))
    return proof[::-1]


def is_consistent(
    size: int, top: bytes, larger: int, larger_top: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether `proof` shows the log of `size` as the start of the `larger` one (2.1.4.2)."""
    if size == larger:
        return not proof and top == larger_top
    if not 0 < size < larger or not proof:
        return False
    path = list(proof) if size & (size - 1) else [top, *proof]
    own, last = size - 1, larger - 1
    while own & 1:
        own, last = own >> 1, last >> 1
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            return False
        if own & 1 or own == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while own and not own & 1:
                own, last = own >> 1, last >> 1
        else:
            new = node_hash(new, other)
        own, last = own >> 1, last >> 1
    return last == 0 and old == top and new == larger_top


def _split(size: int) -> int:
    # Section 2.1.1: the largest power of two below `size`, which is at least 2.
    return 1 << ((size - 1).bit_length() - 1)
