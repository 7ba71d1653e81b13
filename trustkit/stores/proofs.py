"""Proofs that a record is in a log, as a file that is checked alone: JSON, without the registry.

proof       1, the version of this form
record      what is public of the record
personal    the salted hash of what is not, 64 hex digits
place       its place in the log, from 0
path        the hashes that lead from it to the root (RFC 9162, 2.1.3), 64 hex digits each
checkpoint  the signed note with size and root of the log (C2SP tlog-checkpoint)
key         the log's key, as the registry names it: which key is to be believed, the reader
            has to know from elsewhere
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from trustkit.errors import TrustkitError
from trustkit.stores import ProofError, StoreError, kept
from trustkit.stores.checkpoints import Checkpoint, read
from trustkit.stores.leaves import hidden, told_leaf
from trustkit.stores.merkle import (
    consistency_proof,
    inclusion_proof,
    is_consistent,
    is_included,
)
from trustkit.stores.notes import NoteError, PublicKey, read_key
from trustkit.stores.registry import Registry

VERSION = 1
MAX_PROOF = 2**26  # bytes: a record of ten hours of sound has 24 million
_MAX_PATH = 64  # hashes: a log of 2^64 entries
_HASH = re.compile(r"[0-9a-f]{64}")
_KINDS = {
    "record": dict,
    "personal": str,
    "place": int,
    "path": list,
    "checkpoint": str,
    "key": str,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof says, read and not yet checked."""

    record: Mapping[str, Any]
    personal: str
    place: int
    path: tuple[bytes, ...]
    checkpoint: str
    key: PublicKey
    since: str = ""
    since_path: tuple[bytes, ...] = ()

    @property
    def since_size(self) -> int | None:
        """The size of the earlier checkpoint, once it was checked; none where there is none."""
        return int(self.since.split("\n")[1]) if self.since else None


def prove(registry: Registry, record: str, since: str = "") -> dict[str, Any]:
    """Return the proof that a record is in the newest signed checkpoint, as JSON can hold it.

    With `since`, an earlier signed note, also that the log goes on from there. Raises `StoreError`
    for a record that is not there or that nobody has signed yet, and for a note that is not of
    this log's history.
    """
    database = registry.store.database
    place, there = kept.place_of(database, record), registry.store.get(record)
    if there is None or place is None:
        raise StoreError(f"no record {record} is in the log", "see `trustkit registry list`")
    last = kept.last_kept(database)
    if last is None or last.size <= place:
        raise StoreError(
            f"the record {record} is not signed yet", "`trustkit registry checkpoint` signs it"
        )
    leaves = [entry.leaf for entry in islice(registry.store.entries(), last.size)]
    personal = hidden(there, kept.salt_of(database, record))
    path = inclusion_proof(leaves, place)
    proof = {
        "proof": VERSION,
        "record": there.public(),
        "personal": personal,
        "place": place,
        "path": [one.hex() for one in path],
        "checkpoint": last.note,
        "key": registry.key_line,
    }
    if since:
        proof["since"] = {"checkpoint": since, "path": _from(registry, since, leaves)}
    # Never hand out what will not hold: the registry may have been changed since it was signed.
    try:
        check(parse(json.dumps(proof).encode()), registry.own_key)
    except ProofError as error:
        raise StoreError(
            f"the record {record} cannot be proved: {error.message}",
            "see `trustkit registry verify-log`",
        ) from error
    return proof


def _from(registry: Registry, since: str, leaves: Sequence[bytes]) -> list[str]:
    size = read(since, registry.own_key).checkpoint.size
    if not 0 < size <= len(leaves):
        raise StoreError(
            f"the log has {len(leaves)} signed entries, and the earlier checkpoint is of {size}",
            "see `trustkit registry verify-log`",
        )
    return [one.hex() for one in consistency_proof(leaves, size)]


def parse(content: bytes) -> Proof:
    """Read a proof; raises `ProofError` for what is none."""
    if len(content) > MAX_PROOF:
        raise ProofError(f"this is no proof: it has more than {MAX_PROOF:,} bytes", "")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ProofError("this is no proof: it is not JSON", "") from error
    if not isinstance(told, dict) or told.get("proof") != VERSION:
        raise ProofError("this is no proof of a record, or of another version", "")
    for name, kind in _KINDS.items():
        if type(told.get(name)) is not kind:
            raise ProofError(f"this is no proof: its {name} is missing, or of another kind", "")
    since, since_path = _since(told.get("since"))
    path = _path(told["path"])
    _path([told["personal"]])
    try:
        key = read_key(told["key"])
    except TrustkitError as error:
        raise ProofError(f"this is no proof: {error.message}", error.hint) from error
    return Proof(
        told["record"],
        told["personal"],
        told["place"],
        path,
        told["checkpoint"],
        key,
        since,
        since_path,
    )


def _since(told: Any) -> tuple[str, tuple[bytes, ...]]:
    if told is None:
        return "", ()
    note, path = (told.get(k) if isinstance(told, dict) else None for k in ("checkpoint", "path"))
    if not isinstance(note, str) or not note or not isinstance(path, list):
        raise ProofError("this is no proof: its since is of another kind", "")
    return note, _path(path)


def _path(told: Sequence[Any]) -> tuple[bytes, ...]:
    if len(told) > _MAX_PATH:
        raise ProofError("this is no proof: a path is longer than any log is high", "")
    for one in told:
        if not isinstance(one, str) or not _HASH.fullmatch(one):
            raise ProofError("this is no proof: a hash in it is none", "")
    return tuple(bytes.fromhex(one) for one in told)


def check(proof: Proof, key: PublicKey, since: str = "") -> Checkpoint:
    """Return the checkpoint of `key` that the record of `proof` is in; raises `ProofError`.

    With `since`, a signed note that the reader kept, the log must go on from there.
    """
    checkpoint = _signed(proof.checkpoint, key, "its checkpoint")
    if since and _signed(since, key, "the checkpoint you kept") != (
        _signed(proof.since, key, "its earlier checkpoint") if proof.since else None
    ):
        raise ProofError(
            "it does not show that the log goes on from the checkpoint you kept",
            "ask for one: `trustkit registry proof ID --since FILE`",
        )
    if proof.since:
        _check_since(proof, checkpoint, _signed(proof.since, key, "its earlier checkpoint"))
    try:
        leaf = told_leaf(proof.record, proof.personal)
    except (ValueError, RecursionError) as error:  # what JSON can say, and canonical JSON cannot
        raise ProofError("its record is none", "") from error
    if not is_included(leaf, proof.place, checkpoint.size, proof.path, checkpoint.root):
        raise ProofError(
            "this record, as it stands here, is not in the log that was signed",
            "the record or the path was changed, or they belong to another log",
        )
    return checkpoint


def _signed(note: str, key: PublicKey, what: str) -> Checkpoint:
    try:
        return read(note, key).checkpoint
    except NoteError as error:
        raise ProofError(f"{what} does not hold: {error.message}", error.hint) from error


def _check_since(proof: Proof, now: Checkpoint, then: Checkpoint) -> None:
    if not is_consistent(then.size, then.root, now.size, now.root, proof.since_path):
        raise ProofError(
            f"the log does not go on from its earlier checkpoint of {then.size} entries",
            "the log was rewritten since, or the proof was changed",
        )
