"""Whether a registry still says what its log says, and its log what was signed of it.

What is checked (the numbers stand in the code, too):

1. Every line of the log is at its place, without a gap.
2. Every record is the one that was logged, at its place; one that is gone was forgotten, and the
   log says so.
3. What the tables say twice (counters, ends of marks, order of codes) fits together.
4. Every signed checkpoint, those kept in the registry and those kept elsewhere, is signed by the
   log's key and fits the log.
5. The blobs that the records name are there, and whole.

What stands in the log after the last checkpoint is signed by nobody: that is said, and is no
answer of yes. Other processes may write meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable

from trustkit.errors import ConfigError, TrustkitError
from trustkit.stores import StoreError
from trustkit.stores.blobs import BlobError
from trustkit.stores.checkpoints import origin_of, read
from trustkit.stores.inspection import loose_ends
from trustkit.stores.kept import blob_names, kept
from trustkit.stores.notes import NoteError, PublicKey, TornError
from trustkit.stores.registry import Registry
from trustkit.stores.walk import Audit, Note, SignedSizes, Walk


def audit(registry: Registry, key: PublicKey, notes: Iterable[Note], *, blobs: bool) -> Audit:
    """Check a registry whole against what `key` signed; `notes` are those kept elsewhere."""
    found = Audit()
    _check_names(registry, key, found)
    inside = (
        Note(row.note, f"the registry's own of {row.size} entries", row.size, row.frontier)
        for row in kept(registry.store.database)
    )
    signed = _signed([*notes, *inside], key, found)
    _check_kept(signed, found)
    Walk(registry.store, found, signed).go()
    for sentence in loose_ends(registry.store.database):  # (3)
        found.blame(sentence)
    if blobs:
        _check_blobs(registry, found)
    return found


def _signed(notes: Iterable[Note], key: PublicKey, found: Audit) -> SignedSizes:
    """Return the checkpoints that are signed (4), by size; blame what is not."""
    signed: SignedSizes = {}
    for note in notes:
        if note.pieces:
            found.doubt(f"{note.pieces} pieces in {note.where} are no whole checkpoint")
            continue
        try:
            checkpoint = read(note.text, key).checkpoint
        except NoteError as error:
            # A power cut leaves half a note in a file, and none in a database.
            is_torn = isinstance(error, TornError) and note.size is None
            tell = found.doubt if is_torn else found.blame
            tell(f"the checkpoint in {note.where} does not hold: {error.message}")
            continue
        if note.size not in {None, checkpoint.size}:
            found.blame(f"the checkpoint in {note.where} is of {checkpoint.size} entries")
        signed.setdefault(checkpoint.size, []).append((checkpoint, note))
    found.checkpoints = len(signed)
    return signed


def _check_names(registry: Registry, key: PublicKey, found: Audit) -> None:
    try:
        named = registry.own_key.line
    except ConfigError:
        named = ""
    if named != key.line:
        found.blame("the registry names another key of its log than the one that is believed")
    if key.name != origin_of(registry.id):
        found.blame(f"the registry is called {registry.id}, and the key is that of {key.name}")


def _check_kept(signed: SignedSizes, found: Audit) -> None:
    """Blame a registry that does not keep what was signed of it (4)."""
    sizes = sorted(signed)
    for size in sizes[:-1]:  # whoever signed the last one may have been stopped before it was kept
        if all(note.size is None for _, note in signed[size]):
            where = signed[size][0][1].where
            found.blame(f"the checkpoint of {size} entries is missing in the registry: {where}")
    if sizes and all(note.size is not None for size in sizes for _, note in signed[size]):
        found.doubt(
            "no checkpoint that is kept elsewhere was compared: that the log was cut back to an "
            "earlier one cannot be told"
        )


def _check_blobs(registry: Registry, found: Audit) -> None:
    """Read every blob that a record names (5)."""
    try:
        blobs = registry.blobs
    except TrustkitError as error:
        found.doubt(f"the blobs were not checked: {error.message}")
        return
    for record, manifest, thumbnail in blob_names(registry.store.database):
        for what, name in (("manifest", manifest), ("thumbnail", thumbnail)):
            if not name:
                continue
            try:
                blobs.get(name)
                found.blobs += 1
            except BlobError as error:
                found.blame(f"the {what} of the record {record}: {error.message}")
            except StoreError as error:
                # A place that does not answer would be waited for at every blob.
                found.doubt(f"the blobs from record {record} on were not checked: {error.message}")
                return
