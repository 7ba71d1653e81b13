"""From a copy to the records it may come from: by its hash, its mark, its fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from trustkit.asset import Asset
from trustkit.evidence.copied import Done, done, looks_whole, shows_half
from trustkit.evidence.look import ByRecord, Marked, Printed, Ways, count
from trustkit.evidence.match import (
    PUBLISHED,
    RANK,
    SOURCE,
    Answer,
    Leads,
    Match,
    Trace,
    Tried,
    Way,
)
from trustkit.record import Record
from trustkit.stores import Store

_SHA256_ODDS = 0.0  # 2**-256 is none that a float of any use could tell from it


def leads(asset: Asset, store: Store, ways: Ways) -> Leads:
    """Return the records that `asset` leads to, the surest first.

    Raises `StoreError` when the registry cannot be asked, and `UnreadableError` when the file
    changes meanwhile.
    """
    # (1) The hash: it costs nothing more, and who has the very file need not look on.
    same = store.hashed(asset.sha256)
    if same:
        matches = [Match(record, (_same(asset, record),)) for record in same]
        why = "the hash has found the file itself"
        rest = [Tried(way, Answer.NOT_CHECKED, why) for way in (Way.WATERMARK, Way.FINGERPRINT)]
        found = Tried(Way.SHA256, Answer.FOUND, count(len(same)))
        return Leads(tuple(matches), (found, *rest))
    hashed = Tried(Way.SHA256, Answer.NOT_FOUND, "no record of this very file")

    # (2) The mark.
    marked = Marked(asset, store)
    by_mark = tuple(marked.by(ways))

    # (3) The fingerprint, which confirms or contradicts the mark as well.
    by_print = Printed(asset, store)
    printed = by_print.by(ways.no_fingerprint)

    # (4) Together: several leads to one record are one match.
    candidates, doubts = _confirmed(marked.traces, by_print.traces, by_print)
    matches = _merged(store, candidates, by_print.traces, asset)
    return Leads(
        tuple(matches),
        (hashed, *by_mark, printed),
        tuple(marked.bindings),
        "; ".join(doubts),
    )


def unregistered(asset: Asset, ways: Ways, why: str) -> Leads:
    """Return what is known of a file where there is no registry to ask: the marks in it."""
    marked = Marked(asset, None)
    by_mark = tuple(marked.by(ways))
    first, last = (Tried(way, Answer.NOT_CHECKED, why) for way in (Way.SHA256, Way.FINGERPRINT))
    return Leads((), (first, *by_mark, last), tuple(marked.bindings))


def _same(asset: Asset, record: Record) -> Trace:
    published = record.sha256 == asset.sha256
    what = "it is the published file" if published else "the published file was made from it"
    return Trace(
        Way.SHA256,
        _SHA256_ODDS,
        f"{what}, byte for byte",
        facts={"is": PUBLISHED if published else SOURCE},
    )


def _confirmed(
    marked: Sequence[ByRecord], printed: ByRecord, prints: Printed
) -> tuple[ByRecord, list[str]]:
    """Return what the marks lead to, narrowed by what is alike, and what does not fit."""
    kept: ByRecord = {}
    doubts: list[str] = []
    for found in marked:
        both = {record: traces for record, traces in found.items() if record in printed}
        # The end of an id fits several records: what looks alike is meant, or what another mark
        # of the file leads to.
        others = {name for other in marked if other is not found for name in other}
        fits = both or {name: traces for name, traces in found.items() if name in others}
        chosen = fits if fits and len(found) > 1 else found
        if len(chosen) == 1 and len(found) > 1:
            chosen = {
                record: [_sure(trace) for trace in traces] for record, traces in chosen.items()
            }
        if len(chosen) > 1:
            doubts.append(f"{len(chosen)} records have the mark, and nothing tells which is meant")
        if printed and not both:
            to, other = _listed(chosen), _listed(printed)
            doubts.append(f"the mark leads to {to}, the fingerprint to {other}")
        for record, traces in chosen.items():
            kept.setdefault(record, []).extend(traces)
    if len(marked) > 1 and not set.intersection(*(set(found) for found in marked)):
        parts = " and ".join(_listed(found) for found in marked)
        doubts.append(f"the marks of its picture and of its sound lead to {parts}")
    doubts += [
        f"the mark of {record} was read in what does not look like it: marks can be copied"
        for record, traces in kept.items()
        if prints.asset.kind == "image"
        and not printed
        and (there := prints.store.get(record)) is not None
        and _is_another(traces[0].done, there, prints)
    ]
    return kept, list(dict.fromkeys(doubts))


def _is_another(copy: Done, record: Record, prints: Printed) -> bool:
    # By the mark's own word of how much of the picture is here.
    if looks_whole(copy) and prints.differs(record):
        return True
    return shows_half(copy) and prints.shares_nothing(record)


def _sure(trace: Trace) -> Trace:
    bound = float(trace.facts["false_positive_bound"])
    return replace(trace, odds=bound)


def _merged(store: Store, marked: ByRecord, printed: ByRecord, asset: Asset) -> list[Match]:
    matches = []
    for name in dict.fromkeys((*marked, *printed)):
        record = store.get(name)
        if record is None:  # forgotten since it was found
            continue
        traces = [
            *marked.get(name, ()),
            *(_placed(t, asset, record) for t in printed.get(name, ())),
        ]
        traces.sort(key=lambda trace: (RANK[trace.way], trace.odds))
        matches.append(Match(record, tuple(traces)))
    return sorted(matches, key=lambda m: (-len(m.traces), RANK[m.way], m.odds, m.record.id))


def _placed(trace: Trace, asset: Asset, record: Record) -> Trace:
    return replace(trace, done=done(asset, record, view=trace.done.view, offset=trace.done.offset))


def _listed(records: Iterable[str]) -> str:
    names = sorted(records)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004  # of a sentence
    return ", ".join(names[:3]) + more
