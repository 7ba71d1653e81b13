"""Seeded damage, most of it to the manifest: no crash, no hang, no way to pass as signed."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.fuzz.material import EMBEDDED, FUZZ, manifest_span, signed
from tests.fuzz.mutations import UNTOUCHED, Outcome, Victim, open_fuzzer
from trustkit.isolation import Limits, run

pytestmark = pytest.mark.fuzz
MUTATIONS = FUZZ or 60  # a format
LIMITS = Limits(seconds=10, memory=2 * 2**30)  # a file of these takes some 10 ms
TABLE = os.environ.get("TRUSTKIT_FUZZ_TABLE")  # a file to which each format's row is added


@pytest.mark.parametrize("media", EMBEDDED, ids=lambda path: path.name)
def test_a_damaged_file_never_passes_and_never_breaks_us(media: Path, tmp_path: Path) -> None:
    path = signed(media, tmp_path)
    victim = Victim(path.read_bytes(), manifest_span(path), _another(media))
    start = time.perf_counter()

    damaged = tmp_path / f"damaged-{media.name}"
    fuzzer = partial(open_fuzzer, victim, damaged)
    # The untouched file comes last, in the same worker: nothing seen before may colour its verdict.
    seeds = [*range(MUTATIONS), UNTOUCHED]
    answers = dict(run(seeds, fuzzer, LIMITS, jobs=1))

    assert len(answers) == len(seeds)
    assert {n: str(a) for n, a in answers.items() if not isinstance(a, Outcome)} == {}
    outcomes = [answer for answer in answers.values() if answer.changed]
    _tell(media.name, outcomes, time.perf_counter() - start)
    assert [o for o in outcomes if o.error not in {"", "unreadable"}] == []
    assert [o for o in outcomes if o.failed] == []
    assert [o for o in outcomes if o.is_whole] == []
    assert answers[MUTATIONS].word == "trusted"


def _another(media: Path) -> bytes:
    same = [other for other in EMBEDDED if other.suffix == media.suffix and other != media]
    return (same or [EMBEDDED[0]])[0].read_bytes()


def _tell(name: str, outcomes: Sequence[Outcome], seconds: float) -> None:
    if not TABLE:
        return
    words = Counter(outcome.word or "error" for outcome in outcomes)
    shown = ("error", "tampered", "inconclusive", "no_provenance", "valid_untrusted", "trusted")
    row = [name, len(outcomes), *(words[word] for word in shown)]
    row += [sum(o.is_whole for o in outcomes), round(seconds, 1)]
    row += [round(max(o.milliseconds for o in outcomes), 1)]
    with Path(TABLE).open("a") as out:
        out.write("\t".join(str(cell) for cell in row) + "\n")
