"""One walk along the log of a registry, beside its records, with what is signed of both."""

from __future__ import annotations

from dataclasses import dataclass, field

from trustkit.stores import Entry
from trustkit.stores.checkpoints import Checkpoint
from trustkit.stores.inspection import Line, stored_lines
from trustkit.stores.kept import logged, packed, place_of
from trustkit.stores.leaves import forget_leaf
from trustkit.stores.merkle import HASH_BYTES, Frontier
from trustkit.stores.sql import SqlStore

MOST_TOLD = 1000  # sentences of one kind; what is more is counted


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note that is to fit the log, where it was found, and the row that it stood in.

    `pieces` of what may have been notes have no text.
    """

    text: str
    where: str
    size: int | None = None
    frontier: str = ""
    pieces: int = 0


@dataclass(slots=True)
class Audit:
    """What was checked, and what came of it; `unsigned` entries follow the last checkpoint.

    `wrong` are sentences of what does not fit, `unchecked` of what could not be checked.
    """

    entries: int = 0
    records: int = 0
    forgotten: int = 0
    checkpoints: int = 0
    unsigned: int = 0
    blobs: int = 0
    wrong: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    untold: int = 0

    def blame(self, sentence: str) -> None:
        """Note what does not fit."""
        if len(self.wrong) < MOST_TOLD:
            self.wrong.append(sentence)
        else:
            self.untold += 1

    def doubt(self, sentence: str) -> None:
        """Note what could not be checked."""
        if len(self.unchecked) < MOST_TOLD:
            self.unchecked.append(sentence)
        else:
            self.untold += 1


SignedSizes = dict[int, list[tuple[Checkpoint, Note]]]


class Walk:
    """One walk along the log, beside the records in the order of their places."""

    def __init__(
        self,
        store: SqlStore,
        found: Audit,
        signed: SignedSizes,
    ) -> None:
        self._store = store
        self._found = found
        self._signed = signed
        self._frontier = Frontier()  # of what stands before the first gap
        self._next = 0  # place
        self._has_gap = False
        self._gone: dict[str, Entry] = {}  # logged, not stored, and not yet said to be forgotten
        self._lines = stored_lines(store.database)
        self._line = next(self._lines, None)

    def go(self) -> None:
        """Walk."""
        self._check_roots()
        for entry in self._store.entries():
            if entry.place != self._next:  # (1)
                self._found.blame(_gap(self._next, entry.place))
                self._has_gap = True
            self._next = entry.place + 1
            self._step(entry)
        self._see_late()
        self._found.entries = self._next
        self._check_end()

    def _check_end(self) -> None:
        beyond = [size for size in sorted(self._signed) if size > self._frontier.size]
        if self._has_gap and beyond:
            # No root can fit, and that is said already.
            self._found.doubt(f"no checkpoint of more than {beyond[0] - 1} entries was checked")
        for size in () if self._has_gap else beyond:
            for _, note in self._signed[size]:
                self._found.blame(
                    f"the log is shorter than what was signed: {self._next} entries, "
                    f"but {size} in {note.where}"
                )
        last = max((size for size in self._signed if size <= self._next), default=0)
        self._found.unsigned = self._next - last
        if self._found.unsigned:
            self._found.doubt(
                f"{self._found.unsigned} entries after the last checkpoint are not signed: "
                "whether one was dropped or put in another's place cannot be told"
            )

    def _step(self, entry: Entry) -> None:
        if len(entry.leaf) != HASH_BYTES:
            self._found.blame(f"the log's hash of {entry.id!r} at place {entry.place} is no hash")
        if not self._has_gap:
            self._frontier = self._frontier.extended([entry.leaf])
            self._check_roots()
        if entry.what == "forget":
            self._forget(entry)
            return
        if entry.what != "record":
            self._found.blame(
                f"the log says {entry.what!r} of {entry.id!r} at place {entry.place}: no such word"
            )
        while self._line is not None and self._line.place < entry.place:
            self._stray(self._line)
            self._line = next(self._lines, None)
        if self._line is None or self._line.place != entry.place:
            if before := self._gone.get(entry.id):
                self._missing(before)
            self._gone[entry.id] = entry
            return
        self._compare(self._line, entry)
        self._line = next(self._lines, None)

    def _compare(self, line: Line, entry: Entry) -> None:
        """Compare a record with what was logged of it (2)."""
        self._found.records += 1
        if line.id != entry.id:
            self._found.blame(
                f"at place {entry.place} the record is {line.id!r}, and the log has {entry.id!r}"
            )
        elif line.trouble:
            self._found.blame(f"the record {line.id} is damaged: {line.trouble}")
        elif line.leaf != entry.leaf:
            self._found.blame(f"the record {line.id} is not the one that was logged")

    def _forget(self, entry: Entry) -> None:
        before = self._gone.pop(entry.id, None) or self._just_forgotten(entry)
        if before is None:
            self._found.blame(
                f"the log says at place {entry.place} that {entry.id!r} was forgotten, but it was "
                "not there, or still is"
            )
        elif entry.leaf != forget_leaf(entry.id, before.leaf):
            self._found.blame(
                f"what the log says of forgetting {entry.id!r} at place {entry.place} does not fit "
                f"what it says of the record at place {before.place}"
            )
        else:
            self._found.forgotten += 1

    def _just_forgotten(self, entry: Entry) -> Entry | None:
        """Return what was logged of a record that another process forgot since we passed it."""
        place = place_of(self._store.database, entry.id)
        if place is not None and place < entry.place:
            return None
        return logged(self._store.database, entry.id, entry.place)

    def _see_late(self) -> None:
        """Judge what is left over, knowing what others did while we walked."""
        late = {entry.place: entry for entry in self._store.entries(self._next)}
        while self._line is not None:
            entry = late.get(self._line.place)
            if entry is None or entry.id != self._line.id:
                self._stray(self._line)
            self._line = next(self._lines, None)
        for entry in late.values():
            if entry.what == "forget" and entry.id in self._gone:
                self._forget(entry)
        for entry in self._gone.values():
            if self._store.leaf_of(entry.id) != entry.leaf:
                self._missing(entry)

    def _missing(self, entry: Entry) -> None:
        self._found.blame(
            f"the record {entry.id!r} of place {entry.place} is missing, and the log does not say "
            "that it was forgotten"
        )

    def _stray(self, line: Line) -> None:
        self._found.blame(f"the record {line.id!r} stands at place {line.place}, not in the log")

    def _check_roots(self) -> None:
        # (4) All of them against one log: then they fit each other as well.
        for checkpoint, note in self._signed.get(self._frontier.size, ()):
            if checkpoint.root != self._frontier.root():
                self._found.blame(
                    f"the log's first {checkpoint.size} entries are not those that were signed: "
                    f"{note.where}"
                )
            if note.size is not None and note.frontier != packed(self._frontier):
                self._found.blame(f"the frontier beside {note.where} is not that of the log")


def _gap(expected: int, there: int) -> str:
    if there == expected + 1:
        return f"the log has no entry at place {expected}"
    return f"the log has no entries at places {expected} to {there - 1}"
