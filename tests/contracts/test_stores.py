"""What every store promises: in memory, in SQLite, in PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stores.material import digest, film, name, picture
from tests.stores.postgres import server
from trustkit.record import Binding, Code, Near, Query, Record
from trustkit.stores import ClashError, StoreError
from trustkit.stores.leaves import forget_leaf
from trustkit.stores.memory import MemoryStore
from trustkit.stores.sql import SqlStore

Stores = MemoryStore | SqlStore
TILES = "trustkit.tiles.1"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    with made(request.param, tmp_path) as one:
        yield one


def made(kind: str, folder: Path) -> Stores:
    if kind == "memory":
        return MemoryStore({"registry": "test"})
    url = f"sqlite:///{folder}/registry.db" if kind == "sqlite" else server().url()
    return SqlStore.create(url, {"registry": "test"})


def ids(records: list[Record]) -> list[str]:
    return [record.id for record in records]


UNKEPT: list[dict[str, Any]] = [
    {"id": "0123456789ABCDEF"},
    {"id": "0123456789abcde"},
    {"codes": (Code("pdq.1", b"short"),)},
    {"codes": (Code("pdq.1", b"x" * 32, float("nan")),)},
    {"codes": (Code("pdq.1", b"x" * 32, -1.0),)},
    {"measures": {"width": float("nan")}},
    {"measures": {"width": object()}},
    {"disclosure": {"system": "\udc80"}},
    {"disclosure": {"system": "x" * 2**20}},
    {"personal": {"file_name": "\udcff.jpg"}},
    {"manifest_id": "a\0b"},
    {"order": "x" * 513},
    {"kind": "\ud800"},
    {"bindings": (Binding("tiles\0", "00"),)},
    {"size": -1},
    {"size": 2**63},
]


def test_what_cannot_be_kept_is_refused_and_nothing_with_it_is_kept(store: Stores) -> None:
    for changes in UNKEPT:
        with pytest.raises(StoreError) as refusal:
            store.put([picture(1), picture(2, **changes)])
        assert refusal.value.exit_code == 30
        with pytest.raises(StoreError):
            store.reserve(picture(2, **changes), "out.jpg")
    assert store.count() == 0
    assert store.reserved() == []
    assert list(store.entries()) == []


def test_details_nested_without_end_are_refused(store: Stores) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(StoreError):
        store.put([picture(1, disclosure=deep)])


def test_another_record_of_an_id_is_refused_and_nothing_with_it_is_kept(store: Stores) -> None:
    store.put([picture(1)])
    other = picture(1, sha256=digest("another", 1))
    for clash in (other, picture(1, personal={"file_name": "other.jpg"})):
        with pytest.raises(ClashError) as refusal:
            store.put([picture(2), clash])
        assert refusal.value.exit_code == 40
    with pytest.raises(ClashError):
        store.reserve(other, "out.jpg")
    with pytest.raises(ClashError):
        store.put([picture(3), picture(4), replace(picture(3), kind="audio")])
    assert ids(store.records()) == [name(1)]
    assert store.get(name(1)) == picture(1)


def test_what_was_never_reserved_is_not_confirmed_and_nothing_with_it_is(store: Stores) -> None:
    store.reserve(picture(1), "one.jpg")
    with pytest.raises(StoreError):
        store.confirm([name(1), name(2)])
    assert store.count() == 0
    assert store.reserved() == [(picture(1), "one.jpg")]


def test_a_page_after_an_unknown_record_is_refused(store: Stores) -> None:
    store.put([picture(1)])
    with pytest.raises(StoreError):
        store.records(after=name(2))


def test_a_record_comes_back_as_it_was(store: Stores) -> None:
    plain = Record("00000000000000ff", "2026-11-26T05:00:00Z", "audio/wav", "audio", 0, "")
    there = [film(1), picture(2), plain]
    assert store.put(there) == 3
    for record in there:
        assert store.get(record.id) == record
    assert store.records() == there
    assert store.get(name(3)) is None


def test_details_are_kept_as_the_json_they_are(store: Stores) -> None:
    store.put([picture(1, measures={10: (1, 2), 9: 1.0}, codes=(Code("pdq.1", bytes(32), 3),))])
    kept = store.get(name(1))
    assert kept is not None
    assert kept.measures == {"10": [1, 2], "9": 1.0}
    assert [entry.leaf for entry in store.entries()] == [store.leaf_of(name(1))]
    assert store.put([kept]) == 0


def test_the_same_record_twice_is_one(store: Stores) -> None:
    assert store.put([picture(1), picture(2), picture(1)]) == 2
    assert store.put([picture(2), picture(3)]) == 1
    assert store.put([]) == 0
    assert store.count() == 3
    assert [entry.id for entry in store.entries()] == [name(1), name(2), name(3)]


def test_a_mark_leads_to_its_record_whole_or_by_its_end(store: Stores) -> None:
    twin = "ffffffff" + name(1)[-8:]  # 32 bits do collide
    store.put([picture(1), film(2), picture(3, id=twin, bindings=(Binding(TILES, twin),))])
    assert ids(store.bound(TILES, name(1))) == [name(1)]
    assert ids(store.bound(TILES, name(1)[-8:])) == [name(1), twin]
    assert ids(store.bound(TILES, name(1)[-12:])) == [name(1)]
    assert ids(store.bound("trustkit.ripples.1", name(2)[-8:])) == [name(2)]
    for nothing in (name(1)[-7:], name(4), "", "%" * 8, "________"):
        assert store.bound(TILES, nothing) == []
    assert store.bound("another.1", name(1)) == []


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "x" * 100_000, "' OR 1=1 --", "\udcff" * 16])
def test_what_cannot_be_kept_is_asked_for_in_vain(store: Stores, odd: str) -> None:
    store.put([picture(1)])
    assert store.get(odd) is None
    assert store.leaf_of(odd) is None
    for found in (store.bound(odd, name(1)), store.bound(TILES, odd), store.hashed(odd)):
        assert found == []
    assert store.ordered(odd, odd) == store.named(odd) == []
    assert store.near([Query(Code(odd, bytes(32)), 256)]) == []
    assert (store.codes(odd), store.forget(odd), store.count()) == (0, False, 1)
    store.drop([odd])
    with pytest.raises(StoreError):
        store.confirm([odd])
    with pytest.raises(StoreError):
        store.records(after=odd)


def test_a_file_leads_to_its_record_by_its_hash_or_that_of_its_source(store: Stores) -> None:
    store.put([picture(1), picture(2, source_sha256=picture(1).sha256), picture(3, sha256="")])
    assert ids(store.hashed(picture(1).sha256)) == [name(1), name(2)]
    assert ids(store.hashed(picture(1).source_sha256)) == [name(1)]
    assert store.hashed("") == []
    assert store.hashed(digest("unknown", 1)) == []


def test_a_source_and_an_order_lead_to_what_was_made_of_them(store: Stores) -> None:
    store.put([picture(1), picture(2, source_sha256=picture(1).source_sha256)])
    assert ids(store.ordered(picture(1).source_sha256, picture(1).order)) == [name(1)]
    assert store.ordered(picture(1).source_sha256, picture(3).order) == []


def test_a_manifest_leads_to_its_confirmed_records(store: Stores) -> None:
    store.put([picture(1), picture(2, manifest_id="")])
    store.reserve(picture(3), "three.jpg")
    assert ids(store.named(picture(1).manifest_id)) == [name(1)]
    assert store.named(picture(3).manifest_id) == []
    assert store.named("") == []


def test_what_is_near_is_found_exactly_and_the_nearest_first(store: Stores) -> None:
    chance = random.Random(7)
    near = [picture(1, codes=(Code("pdq.1", flipped(bytes(32), bits, chance)),)) for bits in (0,)]
    near += [
        picture(2 + bits, codes=(Code("pdq.1", flipped(bytes(32), bits, chance)),))
        for bits in (31, 5, 32, 90)
    ]
    store.put([picture(n) for n in range(100, 400)])
    store.put([*near, film(50)])
    asked = Query(Code("pdq.1", bytes(32)), 31)
    assert [(one.record, one.query, one.distance) for one in store.near([asked])] == [
        (name(1), 0, 0),
        (name(7), 0, 5),
        (name(33), 0, 31),
    ]
    assert len(store.near([asked], most=2)) == 2
    assert store.near([asked], most=0) == []
    assert store.near([]) == []
    assert store.near([Query(Code("other.1", bytes(32)), 256)]) == []


def test_what_is_near_says_where_in_the_medium_it_is(store: Stores) -> None:
    store.put([picture(1), film(2)])
    wanted = film(2).codes[23]  # behind the first frames and the sounds
    assert wanted.algorithm == "chroma.1"
    queries = [Query(Code("pdq.1", bytes(32)), 0), Query(Code("chroma.1", wanted.bits), 10)]
    assert store.near(queries) == [Near(name(2), 1, wanted, 0)]
    left = film(2).codes[0]
    assert (left.at, left.view) == (0.0, "left")
    assert store.near([Query(left, 10)]) == [Near(name(2), 0, left, 0)]


def test_every_code_that_is_near_is_found_like_by_comparing_them_all(store: Stores) -> None:
    there = [film(n) for n in range(12)]
    store.put(there)
    queries = [Query(film(3).codes[0], 118), Query(film(40).codes[25], 112)]
    expected = {
        (record.id, number, code, distance)
        for number, query in enumerate(queries)
        for record in there
        for code in record.codes
        if code.algorithm == query.code.algorithm
        and (distance := apart(code, query.code)) <= query.within
    }
    found = store.near(queries, most=10_000)
    assert {(one.record, one.query, one.code, one.distance) for one in found} == expected
    assert len(found) == len(expected) > 20
    assert [one.distance for one in found] == sorted(one.distance for one in found)


def test_what_is_only_reserved_is_found_by_mark_and_hash_but_is_not_in_the_log(
    store: Stores,
) -> None:
    store.reserve(film(1), "out/film.mp4")
    assert store.get(name(1)) == film(1)
    assert ids(store.bound(TILES, name(1))) == [name(1)]
    assert ids(store.hashed(film(1).sha256)) == [name(1)]
    assert ids(store.ordered(film(1).source_sha256, film(1).order)) == [name(1)]
    assert store.near([Query(film(1).codes[0], 0)]) == []
    assert (store.count(), store.codes("pdq.1"), store.records()) == (0, 0, [])
    assert list(store.entries()) == []
    assert store.leaf_of(name(1)) is None


def test_what_is_reserved_is_told_with_its_output_until_it_is_confirmed_or_dropped(
    store: Stores,
) -> None:
    odd = "out/\udcff \N{SNOWMAN}\n.jpg"  # a file name on Linux is bytes
    store.reserve(picture(3), "out/three.jpg")
    store.reserve(picture(1), odd)
    store.reserve(picture(2), "out/two.jpg")
    store.reserve(picture(2), "out/2.jpg")
    assert store.reserved() == [
        (picture(3), "out/three.jpg"),
        (picture(1), odd),
        (picture(2), "out/2.jpg"),
    ]
    store.confirm([name(2), name(3), name(2)])
    store.drop([name(1), name(3), name(9)])
    assert store.reserved() == []
    assert store.records() == [picture(2), picture(3)]
    assert store.get(name(1)) is None
    assert store.bound(TILES, name(1)) == []


def test_confirming_twice_changes_nothing(store: Stores) -> None:
    store.reserve(film(1), "film.mp4")
    store.confirm([name(1)])
    log = list(store.entries())
    store.confirm([name(1)])
    store.reserve(film(1), "film.mp4")
    assert store.put([film(1)]) == 0
    assert list(store.entries()) == log
    assert store.near([Query(film(1).codes[0], 0)])[0].record == name(1)
    assert store.get(name(1)) == film(1)
    assert (store.count(), store.codes("chroma.1"), store.reserved()) == (1, 9, [])


def test_putting_what_is_reserved_confirms_it(store: Stores) -> None:
    store.reserve(picture(1), "one.jpg")
    assert store.put([picture(2), picture(1)]) == 2
    assert store.reserved() == []
    assert sorted(ids(store.records())) == sorted([name(1), name(2)])


def test_pages_of_records_follow_the_log_also_behind_one_that_was_forgotten(store: Stores) -> None:
    store.reserve(picture(9), "nine.jpg")
    store.put([picture(n) for n in range(7)])
    store.confirm([name(9)])
    store.forget(name(3))
    order = [0, 1, 2, 4, 5, 6, 9]
    assert ids(store.records()) == [name(n) for n in order]
    assert ids(store.records(after=name(3), most=2)) == [name(4), name(5)]
    assert ids(store.records(after=name(6))) == [name(9)]
    assert store.records(after=name(9)) == []
    assert store.records(most=0) == []


def test_counts_are_of_what_is_confirmed_and_not_forgotten(store: Stores) -> None:
    store.put([picture(1), film(2), film(3)])
    store.reserve(film(4), "four.mp4")
    assert (store.count(), store.codes("pdq.1"), store.codes("chroma.1")) == (3, 81, 18)
    store.forget(name(3))
    assert (store.count(), store.codes("pdq.1"), store.codes("chroma.1")) == (2, 41, 9)
    assert store.codes("other.1") == 0


def test_what_is_forgotten_is_found_by_nothing_and_the_log_keeps_its_hash(store: Stores) -> None:
    store.put([picture(1), film(2), picture(3)])
    assert store.near([Query(film(2).codes[0], 0)])
    logged = list(store.entries())
    assert store.forget(name(2))
    assert not store.forget(name(2))
    assert store.get(name(2)) is None
    assert store.bound(TILES, name(2)) == []
    assert store.hashed(film(2).sha256) == []
    assert store.ordered(film(2).source_sha256, film(2).order) == []
    assert store.near([Query(film(2).codes[0], 0)]) == []
    assert store.leaf_of(name(2)) is None
    *before, last = store.entries()
    assert before == logged
    assert (last.place, last.what, last.id) == (3, "forget", name(2))
    assert last.leaf == forget_leaf(name(2), logged[1].leaf)


def test_what_is_forgotten_before_it_was_confirmed_leaves_nothing_in_the_log(
    store: Stores,
) -> None:
    store.reserve(film(1), "film.mp4")
    assert store.forget(name(1))
    assert not store.forget(name(1))
    assert list(store.entries()) == []
    assert store.reserved() == []


def test_what_was_forgotten_may_be_added_again(store: Stores) -> None:
    store.put([picture(1), picture(2)])
    assert store.near([Query(picture(1).codes[0], 0)])
    store.forget(name(1))
    assert store.put([picture(1, personal={})]) == 1
    assert [entry.what for entry in store.entries()] == ["record", "record", "forget", "record"]
    assert ids(store.records()) == [name(2), name(1)]
    assert [one.record for one in store.near([Query(picture(1).codes[0], 0)])] == [name(1)]


def test_each_line_of_the_log_is_what_its_record_hashes_to(store: Stores) -> None:
    store.put([picture(1), film(2)])
    store.reserve(film(3), "three.mp4")
    store.confirm([name(3)])
    log = list(store.entries())
    assert [entry.place for entry in log] == [0, 1, 2]
    assert [entry.leaf for entry in log] == [store.leaf_of(name(n)) for n in (1, 2, 3)]
    assert list(store.entries(2)) == log[2:]
    assert list(store.entries(3)) == []


def test_what_is_personal_cannot_be_guessed_from_its_hash(store: Stores) -> None:
    store.put([picture(1)])
    first = store.leaf_of(name(1))
    store.forget(name(1))
    store.put([picture(1)])
    assert store.leaf_of(name(1)) != first  # the same content, another salt


def test_settings_are_kept(store: Stores) -> None:
    assert store.settings == {"registry": "test"}
    store.set("blobs", "s3://bucket/a")
    store.set("blobs", "s3://bucket/b")
    assert store.settings == {"registry": "test", "blobs": "s3://bucket/b"}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_history_leaves_the_same_as_in_memory(kind: str, tmp_path: Path) -> None:
    chance = random.Random(20261126)
    with made("memory", tmp_path) as plain, made(kind, tmp_path) as store:
        for _ in range(80):
            some = chance.sample(range(12), chance.randint(1, 4))
            match chance.choice(["put", "put", "reserve", "confirm", "drop", "forget"]):
                case "put":
                    records = [known(n, chance) for n in some]
                    answers = [attempt(one.put, records) for one in (plain, store)]
                case "reserve":
                    record = known(some[0], chance)
                    answers = [attempt(one.reserve, record, "x") for one in (plain, store)]
                case "confirm":
                    waiting = [record.id for record, _ in plain.reserved()]
                    answers = [attempt(one.confirm, waiting) for one in (plain, store)]
                case "drop":
                    answers = [attempt(one.drop, [name(n) for n in some]) for one in (plain, store)]
                case _:
                    answers = [attempt(one.forget, name(some[0])) for one in (plain, store)]
            assert answers[0] == answers[1]
        assert seen(store) == seen(plain)


def known(number: int, chance: random.Random) -> Record:
    record = film(number) if number % 3 == 0 else picture(number)
    return replace(record, kind="audio") if chance.random() < 0.05 else record


def attempt(call: Any, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except ClashError:
        return "clash"


def seen(store: Stores) -> list[Any]:
    numbers = range(12)
    return [
        [(entry.place, entry.what, entry.id) for entry in store.entries()],
        store.records(),
        sorted(store.reserved(), key=lambda one: one[0].id),
        [store.get(name(n)) for n in numbers],
        [store.bound(TILES, name(n)[-8:]) for n in numbers],
        store.near([Query(film(n).codes[0], 120) for n in numbers], most=10_000),
        [store.count(), store.codes("pdq.1"), store.codes("chroma.1")],
    ]


def flipped(bits: bytes, many: int, chance: random.Random) -> bytes:
    number = int.from_bytes(bits)
    for place in chance.sample(range(256), many):
        number ^= 1 << place
    return number.to_bytes(32)


def apart(one: Code, other: Code) -> int:
    return (int.from_bytes(one.bits) ^ int.from_bytes(other.bits)).bit_count()
