"""Statements of one file that contradict each other, whoever saw them.

A collector sees the file and not what others saw, and a policy matches codes and compares no
facts. So this is a step of its own between the two, over findings alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from trustkit.disclosure import Origin
from trustkit.evidence.metadata import finding
from trustkit.finding import Finding, Status

_DECLARES = ".declares_"
_MOST = 4  # contradictions that are told; one makes a person look
_MANIFEST = "manifest"
_Side = tuple[str, frozenset[Origin], str, tuple[str, ...]]


def conflicts(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield where two places declare what cannot both be so.

    One says AI and the other, which says where it comes from, does not; or a capture here, and
    made by software there. A manifest counts as one: its history may hold a capture and AI after
    it. An edit contradicts neither a capture nor software.
    """
    found = tuple(findings)
    told = 0
    for first, second in combinations(_sides(found), 2):
        if _contradict(first[1], second[1]):
            told += 1
            if told > _MOST:
                return
            yield _conflict(first, second)
    labels = sorted({str(f.facts["label"]) for f in found
                     if f.code == "metadata.aigc" and f.status is Status.PRESENT})  # fmt: skip
    if len(labels) > 1:
        yield finding(
            "metadata.conflict",
            Status.PRESENT,
            f"its AIGC blocks contradict each other: the labels {', '.join(labels)}",
            {"places": ["metadata"], "labels": labels},
        )


def _sides(findings: Iterable[Finding]) -> list[_Side]:
    seen = [f for f in findings if _DECLARES in f.code and f.status is Status.PRESENT]
    signed = [f for f in seen if f.code.startswith(f"{_MANIFEST}.")]
    sides: dict[tuple[str, frozenset[Origin]], _Side] = {}
    if signed:
        origins = frozenset(_origin(f) for f in signed)
        types = tuple(dict.fromkeys(str(f.facts.get("source_type", "")) for f in signed))
        sides[_MANIFEST, origins] = (_MANIFEST, origins, f"the manifest {', '.join(types)}", types)
    for one in seen:
        if one.code.startswith("metadata."):
            place, origins = str(one.facts["place"]), frozenset({_origin(one)})
            said = str(one.facts["source_type"] or one.facts["entry"])
            side = (place, origins, f"its {place} {said}", (said,))
            sides.setdefault((place, origins), side)
    return list(sides.values())


def _origin(one: Finding) -> Origin:
    return Origin(f"declared_{one.code.partition(_DECLARES)[2]}")


def _contradict(first: frozenset[Origin], second: frozenset[Origin]) -> bool:
    if (Origin.AI in first) != (Origin.AI in second):
        return True
    if Origin.AI in first:
        return False
    return any(
        Origin.CAPTURE in one and Origin.SYNTHETIC in other and Origin.CAPTURE not in other
        and Origin.SYNTHETIC not in one
        for one, other in ((first, second), (second, first))
    )  # fmt: skip


def _conflict(first: _Side, second: _Side) -> Finding:
    return finding(
        "metadata.conflict",
        Status.PRESENT,
        f"what it declares contradicts itself: {first[2]}, {second[2]}",
        {
            "places": [first[0], second[0]],
            "declared": [list(first[3]), list(second[3])],
        },
    )
