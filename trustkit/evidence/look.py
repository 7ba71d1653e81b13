"""The look-ups of one file in a registry: the marks that are read in it, its fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trustkit.asset import Asset
from trustkit.errors import MissingBackendError, UnreadableError
from trustkit.evidence.copied import Done, done
from trustkit.evidence.match import Answer, Trace, Tried, Way
from trustkit.record import Binding, Query, Record
from trustkit.stores import Store

if TYPE_CHECKING:  # these bring numpy and OpenCV
    from trustkit.fingerprints.files import Lead as Likeness
    from trustkit.watermarks import Mark
    from trustkit.watermarks.sight import Read, Unread

Marks = Callable[[Asset], Iterable["Read | Unread"]]

_ID_BITS, _TAIL_BITS = 60, 32  # what is random of a whole id (docs/watermark.md), and of its end
_TAIL_DIGITS = 8
_MOST_NEAR = 1000  # codes; a film that is found gives hundreds
_SPOTS_UNLIKE, _FEW = 80, 3  # bits: seldom reached by any of 480 unrelated pairs; spots a picture
_UNLIKE = 90  # bits of 256: unrelated pictures differ by 128, as good as all by more than this


@dataclass(frozen=True, slots=True)
class Ways:
    """Which ways may be tried: `marks` reads those of a file; what is not tried says why."""

    marks: Marks | None
    no_marks: str = ""
    no_fingerprint: str = ""


ByRecord = dict[str, list[Trace]]


@dataclass
class Marked:
    """The marks of a file, looked up: `traces` by where the mark is, then by record.

    Without a store they are read alone.
    """

    asset: Asset
    store: Store | None
    traces: list[ByRecord] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)

    def by(self, ways: Ways) -> Iterator[Tried]:
        """Look every mark of the file up; yields what each gave."""
        if ways.marks is None:
            yield Tried(Way.WATERMARK, Answer.NOT_CHECKED, ways.no_marks)
            return
        for found in ways.marks(self.asset):
            yield self._looked_up(found)

    def _looked_up(self, found: Read | Unread) -> Tried:
        where = f"{found.part.value}: " if self.asset.kind == "video" else ""
        reason = getattr(found, "reason", "")
        if reason:  # `Unread`, which is not imported for its name alone
            by_kind = bool(getattr(found, "by_kind", False))
            return Tried(Way.WATERMARK, Answer.NOT_CHECKED, where + reason, failed=not by_kind)
        mark: Mark | None = getattr(found, "mark", None)
        if mark is None:
            why = "no mark readable, which does not mean that there is none"
            return Tried(Way.WATERMARK, Answer.NOT_FOUND, where + why)
        value = mark.payload.hex()
        self.bindings.append(Binding(mark.engine, value))
        if self.store is None:
            why = f"{where}the mark {value} was read, and there is no registry to look it up in"
            return Tried(Way.WATERMARK, Answer.NOT_CHECKED, why)
        records = _records(self.store, mark, value)
        if not records:
            why = f"{where}the mark {value} was read, and no record has it"
            return Tried(Way.WATERMARK, Answer.NOT_FOUND, why)
        key = str(getattr(found, "key", ""))
        size = self.store.count()
        self.traces.append({r.id: [self._trace(mark, key, r, len(records), size)] for r in records})
        return Tried(Way.WATERMARK, Answer.FOUND, f"{where}the mark {value}: {count(len(records))}")

    def _trace(self, mark: Mark, key: str, record: Record, candidates: int, size: int) -> Trace:
        value = mark.payload.hex()
        is_tail = len(value) <= _TAIL_DIGITS
        # A mark that is none, or that of another house which has the same digits.
        same = size / 2 ** (_TAIL_BITS if is_tail else _ID_BITS)
        odds = min(1.0, mark.false_positive_bound + same)
        if candidates > 1:
            odds = max(odds, 1 - 1 / candidates)  # at most one of them is right
        by = "the public key" if key == "public" else f"the key {key}"
        what = "the end of its id" if is_tail else "its id"
        facts = {
            "payload": value,
            "engine": mark.engine,
            "key": key,
            "confidence": round(float(mark.confidence), 2),
            "false_positive_bound": mark.false_positive_bound,
            "candidates": candidates,
            "search": mark.search.value,
        }
        return Trace(
            Way.WATERMARK,
            odds,
            f"{what} {value} was read as a mark with {by}",
            facts=facts,
            done=done(self.asset, record, mark=mark),
        )


@dataclass
class Printed:
    """The fingerprints of a file, looked up."""

    asset: Asset
    store: Store
    traces: ByRecord = field(default_factory=dict)
    queries: Sequence[Query] = ()

    def by(self, not_asked: str) -> Tried:
        """Look the fingerprints up, unless `not_asked` says why they are not."""
        if not_asked:
            return Tried(Way.FINGERPRINT, Answer.NOT_CHECKED, not_asked)
        from trustkit.fingerprints.files import queries_of

        try:
            self.queries = queries_of(self.asset)
        except (UnreadableError, MissingBackendError) as error:
            return Tried(Way.FINGERPRINT, Answer.NOT_CHECKED, error.message, failed=True)
        except MemoryError:
            why = "it takes more memory than a file may take"
            return Tried(Way.FINGERPRINT, Answer.NOT_CHECKED, why, failed=True)
        if not self.queries:
            why = f"there is no fingerprint of this {self.asset.media_type}"
            return Tried(Way.FINGERPRINT, Answer.NOT_CHECKED, why)
        return self._looked_up()

    def _looked_up(self) -> Tried:
        from trustkit.fingerprints.files import judge

        stored = {name: self.store.codes(name) for name in _algorithms(self.queries)}
        nears = self.store.near(self.queries, _MOST_NEAR)
        for likeness in judge(self.queries, nears, stored):
            self.traces[likeness.record] = [_alike(likeness)]
        if not any(stored.values()):
            return Tried(Way.FINGERPRINT, Answer.NOT_FOUND, "the registry has no fingerprints")
        compared = f"{sum(stored.values()):,} codes compared"
        if not self.traces:
            return Tried(Way.FINGERPRINT, Answer.NOT_FOUND, f"{compared}, none near enough")
        found = count(len(self.traces))
        return Tried(Way.FINGERPRINT, Answer.FOUND, f"{compared}: {found}")

    def differs(self, record: Record) -> bool:
        """Tell whether the whole picture is nothing like what was published."""
        least = [
            (int.from_bytes(query.code.bits) ^ int.from_bytes(code.bits)).bit_count()
            for query in self.queries
            for code in record.codes
            if code.algorithm == query.code.algorithm and not code.view
        ]
        return bool(least) and min(least) > _UNLIKE

    def shares_nothing(self, record: Record) -> bool:
        """Tell whether no spot is like one of what was published, where both have enough of them.

        Unlike the code of the whole it holds for what was cut by half or turned by any angle.
        """
        there = [code for code in record.codes if code.view]
        here = [query.code for query in self.queries]
        pairs = [
            (int.from_bytes(mine.bits) ^ int.from_bytes(code.bits)).bit_count()
            for mine in here
            for code in there
            if code.algorithm == mine.algorithm
        ]
        enough = len(there) >= _FEW and len(pairs) >= 2 * _FEW * len(there)  # asked mirrored, too
        return enough and min(pairs) > _SPOTS_UNLIKE


def _alike(likeness: Likeness) -> Trace:
    agree = f", {likeness.codes} codes of it agree" if likeness.codes > 1 else ""
    return Trace(
        Way.FINGERPRINT,
        likeness.odds,
        f"its fingerprint {likeness.algorithm} is {likeness.distance} of 256 bits away{agree}",
        likeness.distance,
        {"algorithm": likeness.algorithm, "codes": likeness.codes},
        Done(view=tuple(likeness.done), offset=likeness.offset),
    )


def _records(store: Store, mark: Mark, value: str) -> list[Record]:
    found = store.bound(mark.engine, value)
    if not found and len(value) > _TAIL_DIGITS:
        same = store.get(value)  # an id is the mark's payload
        found = [same] if same else []
    return found


def _algorithms(queries: Iterable[Query]) -> list[str]:
    return list(dict.fromkeys(query.code.algorithm for query in queries))


def count(number: int) -> str:
    """Return how many records, as a sentence says it."""
    return "one record" if number == 1 else f"{number} records"
