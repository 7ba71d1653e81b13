"""From codes that are near to records that are likely: one lead a record, with its odds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from trustkit.fingerprints import chroma, pdq, spots
from trustkit.fingerprints.lie import Pair, agree, lie_of, read_spot
from trustkit.fingerprints.odds import chance, false_match_odds
from trustkit.fingerprints.spots import STORED
from trustkit.record import Near, Query

MOST_LIKELY_WRONG = 1e-3  # odds of a false match above which a record is not named
_MOST = 10_000  # near codes looked at, the nearest

# Of what runs: how far apart (seconds) offsets may be that are one, and how long a code lasts.
_RUNS = {chroma.NAME: (0.4, 2.0), pdq.NAME: (0.7, 0.7)}
_PROPOSALS = 12  # ways in which a copy may lie in a record that are tried
_ALIKE = 0.1  # how often two spots at random have the copy lie alike, at the most
_ANOTHER = 64  # bits by which frames differ that are two pieces of evidence, not one seen twice


@dataclass(frozen=True, slots=True)
class Lead:
    """A record that a copy may come from: a lead, never a proof.

    `distance` is that of the nearest code, in bits of 256; `odds` those that a registry of this
    size names an unrelated record; `codes` how many codes agree; `done` what was done to the copy
    in words; `offset` where in the recorded piece the copy begins, in seconds.
    """

    record: str
    algorithm: str
    distance: int
    odds: float
    codes: int = 1
    done: tuple[str, ...] = ()
    offset: float | None = None


def judge(
    queries: Sequence[Query],
    nears: Sequence[Near],
    stored: Mapping[str, int],
    most: float = MOST_LIKELY_WRONG,
) -> list[Lead]:
    """Return the records that the near codes lead to, the surest first.

    `stored` tells how many codes of each algorithm there are: the odds hang on it. A record whose
    odds of being wrong are above `most` is left out. Of pictures the nearest code counts, and
    spots that have the copy lie in the same way; of sounds and films the codes that agree on one
    offset.
    """
    asked = Counter(query.code.algorithm for query in queries)
    pairs: dict[tuple[str, str], list[Near]] = defaultdict(list)
    for near in sorted(nears, key=lambda near: near.distance)[:_MOST]:
        if queries[near.query].code.algorithm == near.code.algorithm:
            pairs[near.record, near.code.algorithm].append(near)
    looks = _looks([query.code.bits for query in queries if query.code.algorithm == pdq.NAME])
    best: dict[str, Lead] = {}
    lies: dict[str, tuple[str, ...]] = {}
    for (record, algorithm), found in pairs.items():
        compared = max(1, stored.get(algorithm, 0)) * asked[algorithm]
        of = _of_run if algorithm in _RUNS else _of_picture
        lead = of(queries, found, compared, asked[algorithm])
        if algorithm == pdq.NAME and lead.codes < min(2, looks):
            continue  # one frame may be a still, a logo or an archive's that both films show
        if lead.odds <= most and (record not in best or lead.odds < best[record].odds):
            best[record] = lead
        if algorithm == spots.NAME and lead.odds <= most:
            lies[record] = lead.done
    # A spot tells more of what was done than a code of the whole does.
    leads = [replace(lead, done=lies.get(record, lead.done)) for record, lead in best.items()]
    return sorted(leads, key=lambda lead: (lead.odds, lead.record))


def _looks(codes: Sequence[bytes]) -> int:
    """Return whether there is one look in these frames, or are two (and more)."""
    return 1 + any(_differ(codes[0], code) >= _ANOTHER for code in codes[1:])


def _of_picture(queries: Sequence[Query], found: Sequence[Near], compared: int, asked: int) -> Lead:
    best: Lead | None = None
    for near in found[:_PROPOSALS]:
        lead = _with_others(queries, near, found, compared, asked)
        if best is None or lead.odds < best.odds:
            best = lead
    assert best is not None  # noqa: S101  # there is at least one near code
    return best


def _with_others(
    queries: Sequence[Query], near: Near, found: Sequence[Near], compared: int, asked: int
) -> Lead:
    agreeing = [near]
    pairs = [pair] if (pair := _pair(queries, near)) else []
    for other in found if pairs else ():
        also = _pair(queries, other)
        if also and all(agree(one, also) for one in pairs):
            agreeing.append(other)
            pairs.append(also)
    first, *others = sorted(agreeing, key=lambda one: one.distance)
    algorithm = first.code.algorithm
    odds = false_match_odds(algorithm, first.distance, compared)
    for other in others:
        # It was looked for among all that were asked, in each of the record's other spots.
        odds *= min(1.0, asked * STORED * chance(algorithm, other.distance) * _ALIKE)
    pair = _pair(queries, first)
    views = (queries[first.query].code.view, first.code.view)
    done = lie_of(pair).words() if pair else _words(*views)
    return Lead(first.record, algorithm, first.distance, odds, len(agreeing), done)


def _pair(queries: Sequence[Query], near: Near) -> Pair | None:
    here, there = read_spot(queries[near.query].code.view), read_spot(near.code.view)
    return (here, there) if here and there else None


def _of_run(queries: Sequence[Query], found: Sequence[Near], compared: int, asked: int) -> Lead:
    algorithm = found[0].code.algorithm
    apart, _ = _RUNS[algorithm]
    best: Lead | None = None
    for view in {queries[near.query].code.view for near in found}:
        alike = [near for near in found if queries[near.query].code.view == view]
        # The nearest codes each propose an offset; more proposals would repeat them.
        for proposal in alike[:_PROPOSALS]:
            offset = _offset(queries, proposal)
            agreeing = [n for n in alike if abs(_offset(queries, n) - offset) <= apart / 2]
            lead = _agreed(queries, agreeing, compared, asked)
            if best is None or lead.odds < best.odds:
                best = lead
    assert best is not None  # noqa: S101  # there is at least one near code, and its own view
    return best


def _agreed(queries: Sequence[Query], found: Sequence[Near], compared: int, asked: int) -> Lead:
    algorithm = found[0].code.algorithm
    single = _apart(queries, found)
    odds = false_match_odds(algorithm, single[0].distance, compared)
    for near in single[1:]:
        # The first has fixed the offset: this one was looked for among the codes that were asked,
        # at the two or three stored ones that fit.
        odds *= min(1.0, 3 * asked * chance(algorithm, near.distance))
    view = queries[found[0].query].code.view
    offset = round(median(_offset(queries, near) for near in found), 1)
    return Lead(
        found[0].record,
        algorithm,
        found[0].distance,
        odds,
        len(single),
        (*_words(view), *([f"begins at {offset:g} s"] if offset else [])),
        offset,
    )


def _apart(queries: Sequence[Query], found: Sequence[Near]) -> list[Near]:
    """Return those that are evidence by themselves: other moments, and other content."""
    _, lasts = _RUNS[found[0].code.algorithm]
    kept: list[Near] = []
    for near in found:
        mine = queries[near.query].code
        if all(
            abs(mine.at - queries[other.query].code.at) >= lasts
            and _differ(mine.bits, queries[other.query].code.bits) >= _ANOTHER
            for other in kept
        ):
            kept.append(near)
    return kept


def _differ(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def _offset(queries: Sequence[Query], near: Near) -> float:
    return near.code.at - queries[near.query].code.at


def _words(*views: str) -> tuple[str, ...]:
    return tuple(word for view in views if not read_spot(view) for word in view.split(", ") if word)
