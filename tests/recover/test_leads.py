"""Leads, each way alone and together; what is not found, not checked or does not fit is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import MEDIA
from tests.registered import ID, OTHER, bare
from trustkit.asset import Asset, open_asset
from trustkit.evidence.leads import leads
from trustkit.evidence.look import Marks, Ways
from trustkit.evidence.match import Answer, Leads, Way
from trustkit.fingerprints.files import codes_of
from trustkit.record import Binding, Record
from trustkit.stores.memory import MemoryStore
from trustkit.watermarks import Geometry, Mark, Part, Search
from trustkit.watermarks.sight import Read, Unread

PICTURE, SOUND = "org.trustkit.tiles.1", "org.trustkit.ripples.1"
BOUND = 1e-7


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare(tmp_path_factory.mktemp("leads") / "picture.png", 3)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare(tmp_path_factory.mktemp("leads") / "stranger.png", 4)


def record(name: str, path: Path | None = None, algorithm: str = PICTURE) -> Record:
    return Record(
        id=name,
        created="2026-01-01T00:00:00.000Z",
        media_type="image/png",
        kind="image",
        size=1,
        sha256=name * 4,
        source_sha256=name[::-1] * 4,
        bindings=(Binding(algorithm, name),),
        codes=codes_of(open_asset(path)) if path else (),
        measures={"width": 320, "height": 240},
    )


def store(*records: Record) -> MemoryStore:
    kept = MemoryStore()
    kept.put(records)
    return kept


def mark(payload: str, engine: str = PICTURE, geometry: Geometry | None = None) -> Mark:
    lie = geometry or Geometry(crop=0.4)
    return Mark(bytes.fromhex(payload), engine, 9.0, BOUND, Search.NORMAL, "fast", lie)


def reads(*found: Read | Unread) -> Marks:
    def marks(_asset: Asset) -> Iterable[Read | Unread]:
        return found

    return marks


NONE = reads(Read(None))


def asked(path: Path, kept: MemoryStore, marks: Marks = NONE, not_alike: str = "") -> Leads:
    return leads(open_asset(path), kept, Ways(marks, no_fingerprint=not_alike))


def answers(found: Leads) -> dict[str, str]:
    return {one.way.value: one.answer.value for one in found.tried}


def test_what_is_not_found_says_what_was_tried(picture: Path, stranger: Path) -> None:
    found = asked(picture, store(record(ID, stranger)))

    assert found.matches == ()
    assert answers(found) == dict.fromkeys(("sha256", "watermark", "fingerprint"), "not_found")
    assert "does not mean that there is none" in found.tried[1].why


def test_what_was_not_checked_says_why(picture: Path) -> None:
    kept = store(record(ID))

    unread = asked(picture, kept, reads(Unread("it is too large")), "asked not to")
    by_kind = asked(picture, kept, reads(Unread("no engine reads it", by_kind=True)))
    no_marks = leads(open_asset(picture), kept, Ways(None, no_marks="left out"))

    assert answers(unread) == {
        "sha256": "not_found", "watermark": "not_checked", "fingerprint": "not_checked",
    }  # fmt: skip
    assert [one.why for one in unread.tried[1:]] == ["it is too large", "asked not to"]
    assert [one.failed for one in unread.tried] == [False, True, False]
    assert not any(one.failed for one in by_kind.tried)
    assert no_marks.tried[1].why == "left out"


@pytest.mark.parametrize("which", ["sha256", "source_sha256"])
def test_the_very_file_is_found_by_its_hash_and_looked_at_no_further(
    picture: Path, which: str
) -> None:
    sha256 = open_asset(picture).sha256
    kept = store(replace(record(ID), **{which: sha256}), record(OTHER, picture))

    found = asked(picture, kept, reads(Read(mark(OTHER), "public")))

    assert [match.record.id for match in found.matches] == [ID]
    assert found.matches[0].is_published == (which == "sha256")
    assert answers(found) == {
        "sha256": "found", "watermark": "not_checked", "fingerprint": "not_checked",
    }  # fmt: skip


def test_two_ways_to_one_record_are_one_match(picture: Path) -> None:
    found = asked(picture, store(record(ID, picture)), reads(Read(mark(ID), "house.key")))

    (match,) = found.matches
    assert [trace.way for trace in match.traces] == [Way.WATERMARK, Way.FINGERPRINT]
    assert match.distance is not None
    assert match.odds <= BOUND
    assert match.done.crop == 0.4
    assert found.doubt == ""
    assert "house.key" in match.traces[0].summary


def test_a_mark_without_a_record_is_told_with_its_digits(picture: Path) -> None:
    found = asked(picture, store(record(OTHER)), reads(Read(mark(ID), "public")))

    assert found.matches == ()
    assert ID in found.tried[1].why
    assert found.marks == (Binding(PICTURE, ID),)


def test_a_record_is_found_by_its_id_where_its_mark_is_not_listed(picture: Path) -> None:
    found = asked(picture, store(replace(record(ID), bindings=())), reads(Read(mark(ID))))

    assert [match.record.id for match in found.matches] == [ID]


def test_a_mark_and_a_fingerprint_that_disagree_are_both_given(picture: Path) -> None:
    kept = store(record(ID), record(OTHER, picture))

    found = asked(picture, kept, reads(Read(mark(ID), "public")))

    assert {match.record.id: match.way for match in found.matches} == {
        ID: Way.WATERMARK, OTHER: Way.FINGERPRINT,
    }  # fmt: skip
    assert found.doubt == f"the mark leads to {ID}, the fingerprint to {OTHER}"


def test_a_mark_copied_onto_another_picture_is_doubted(picture: Path, stranger: Path) -> None:
    kept = store(record(ID, stranger))

    whole = asked(picture, kept, reads(Read(mark(ID, geometry=Geometry()), "public")))
    a_part = asked(picture, kept, reads(Read(mark(ID), "public")))

    assert "marks can be copied" in whole.doubt
    assert a_part.doubt == ""  # of a small part nobody can tell
    assert [m.record.id for m in (*whole.matches, *a_part.matches)] == [ID, ID]


@pytest.mark.parametrize("lie", [Geometry(crop=0.8), Geometry(rotation=5.0)], ids=["cut", "turned"])
def test_a_copied_mark_is_doubted_when_the_other_picture_was_cut_or_turned(
    picture: Path, stranger: Path, lie: Geometry
) -> None:
    found = asked(
        picture, store(record(ID, stranger)), reads(Read(mark(ID, geometry=lie), "public"))
    )

    assert "marks can be copied" in found.doubt
    assert [match.record.id for match in found.matches] == [ID]


TAIL = "ee5eed07"
TWIN = f"1aaaaaaa{TAIL}"


def test_the_end_of_an_id_gives_every_record_it_fits_with_odds_to_match(picture: Path) -> None:
    kept = store(record(ID, algorithm=SOUND), record(TWIN, algorithm=SOUND), record(OTHER))

    found = asked(picture, kept, reads(Read(mark(TAIL, SOUND), "public", Part.SOUND)))

    assert {match.record.id for match in found.matches} == {ID, TWIN}
    assert all(match.odds >= 0.5 for match in found.matches)
    assert "nothing tells which" in found.doubt


def test_what_looks_alike_tells_which_record_the_end_of_an_id_means(picture: Path) -> None:
    kept = store(record(ID, picture, SOUND), record(TWIN, algorithm=SOUND))

    found = asked(picture, kept, reads(Read(mark(TAIL, SOUND), "public", Part.SOUND)))

    assert [match.record.id for match in found.matches] == [ID]
    assert found.matches[0].odds <= BOUND
    assert found.doubt == ""


def test_the_odds_of_the_end_of_an_id_grow_with_the_registry(picture: Path) -> None:
    small = store(record(ID, algorithm=SOUND))
    large = store(record(ID, algorithm=SOUND), *(record(f"{n:016x}") for n in range(2000)))
    marks = reads(Read(mark(TAIL, SOUND), "public", Part.SOUND))

    few, many = (asked(picture, kept, marks).matches[0].odds for kept in (small, large))

    assert few == pytest.approx(BOUND + 1 / 2**32)
    assert many == pytest.approx(BOUND + 2001 / 2**32)


def test_parts_of_a_film_that_lead_to_two_records_are_doubted() -> None:
    kept = store(record(ID), record(OTHER, algorithm=SOUND))
    both = reads(Read(mark(ID), "public"), Read(mark(OTHER, SOUND), "public", Part.SOUND))

    found = asked(MEDIA / "clip.mp4", kept, both)

    assert {match.record.id for match in found.matches} == {ID, OTHER}
    assert "its picture and of its sound" in found.doubt


def test_the_picture_of_a_film_tells_which_record_the_end_of_its_sounds_id_means() -> None:
    twice = (Binding(PICTURE, ID), Binding(SOUND, ID))
    kept = store(replace(record(ID), bindings=twice), record(TWIN, algorithm=SOUND))
    both = reads(Read(mark(ID), "public"), Read(mark(TAIL, SOUND), "public", Part.SOUND))

    found = asked(MEDIA / "clip.mp4", kept, both)

    assert [match.record.id for match in found.matches] == [ID]
    assert found.doubt == ""


def test_a_file_that_cannot_be_decoded_has_no_fingerprint_and_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((MEDIA / "scene.png").read_bytes()[:400])

    found = asked(broken, store(record(ID)), reads(Unread("it cannot be decoded")))

    last = found.tried[-1]
    assert (last.way, last.answer, last.failed) == (Way.FINGERPRINT, Answer.NOT_CHECKED, True)
    assert last.why
