"""What the index finds is what comparing every code with every query finds, ties and all."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator
from threading import Thread

import pytest

from trustkit.record import Code, Query
from trustkit.stores import StoreError
from trustkit.stores.index import Hit, Index, Run
from trustkit.stores.index_columns import BLOCK, NumpyScan, Scan


@pytest.fixture(params=["numpy", "faiss", "as is fastest"])
def scan(request) -> Scan | None:
    if request.param == "as is fastest":
        return None
    if request.param == "numpy":
        return NumpyScan()
    if not importlib.util.find_spec("faiss"):
        pytest.skip("faiss is not installed")
    from trustkit.stores.index_faiss import FaissScan

    return FaissScan()


@pytest.mark.parametrize("lengths", [(31, 33), (32, 0, 1), (63,), (4096 + 16,)])
def test_damaged_codes_are_told_and_nothing_of_them_is_added(lengths: tuple[int, ...]) -> None:
    index = Index()
    index.extend([(0, "pdq.1", bytes(32))], 0)

    with pytest.raises(StoreError, match=r"at place . of the log are damaged"):
        index.extend(
            [(1, "iscc.1", bytes(32)), *((2, "pdq.1", bytes(length)) for length in lengths)], 2
        )

    assert index.last == 0
    assert index.count("pdq.1") == 1
    assert index.count("iscc.1") == 0


def test_codes_out_of_the_order_of_the_log_are_refused() -> None:
    index = Index()
    index.extend([(3, "pdq.1", bytes(32))], 3)

    for places in ([3], [2], [5, 4]):
        with pytest.raises(ValueError, match="too late, or twice"):
            index.extend([(place, "pdq.1", bytes(32)) for place in places], 5)

    assert index.count("pdq.1") == 1


def test_an_extension_that_breaks_off_leaves_nothing_behind() -> None:
    index = Index()
    rng = random.Random(3)
    runs = [(n, "pdq.1", rng.randbytes(32)) for n in range(60_000)]
    index.extend(runs[:10], 9)

    def broken() -> Iterator[Run]:
        yield from runs[10:]
        raise StoreError("the database went away")

    with pytest.raises(StoreError, match="went away"):
        index.extend(broken(), 59_999)

    assert index.count("pdq.1") == 10
    assert index.near([Query(Code("pdq.1", runs[11][2]), 20)]) == []
    index.extend(runs[10:], 59_999)
    assert index.count("pdq.1") == 60_000
    assert [hit.number for hit in index.near([Query(Code("pdq.1", runs[11][2]), 20)])] == [11]


def test_an_empty_index_finds_nothing(scan: Scan | None) -> None:
    assert Index().near([Query(Code("pdq.1", bytes(32)), 256)], scan=scan) == []


def test_random_codes_are_found_as_by_comparing_them_one_by_one(scan: Scan | None) -> None:
    rng = random.Random(1)
    runs = [_run(rng, place, rng.randbytes) for place in range(3000)]
    queries = _queries(rng, runs, 20)

    _agree(runs, queries, 1000, scan)


def test_clustered_codes_are_found_as_by_comparing_them_one_by_one(scan: Scan | None) -> None:
    # A few scenes shot many times, and black frames: near each other, equal, and opposite.
    rng = random.Random(2)
    scenes = [rng.randbytes(32) for _ in range(5)] + [bytes(32), b"\xff" * 32]

    def bits(_: int) -> bytes:
        return _flipped(rng, rng.choice(scenes), rng.choice((0, 0, 1, 30, 60, 64, 65, 100)))

    runs = [_run(rng, place, bits) for place in range(2000)]
    queries = _queries(rng, runs, 20)

    _agree(runs, queries, 5000, scan)
    _agree(runs, queries, 7, scan)


@pytest.mark.parametrize("within", [0, 1, 31, 48, 64, 80, 120, 255, 256])
def test_every_distance_up_to_the_opposite_is_told_exactly(within: int, scan: Scan | None) -> None:
    rng = random.Random(within)
    code = rng.randbytes(32)
    runs = [(n, "pdq.1", _flipped(rng, code, n)) for n in range(257)]
    index = Index()
    index.extend(runs, 256)

    for queries in ([Query(Code("pdq.1", code), within)], [Query(Code("pdq.1", code), within)] * 9):
        hits = index.near(queries, 10_000, scan)

        assert [hit.distance for hit in hits if hit.query == 0] == list(range(within + 1))
        assert len(hits) == len(queries) * (within + 1)


def test_blocks_hide_nothing_at_their_edges(scan: Scan | None) -> None:
    rng = random.Random(5)
    many = 2 * BLOCK + 5
    codes = rng.randbytes(32 * many)
    runs = [(n, "pdq.1", codes[32 * n : 32 * n + 32]) for n in range(many)]
    index = Index()
    index.extend(runs, many - 1)
    edges = [0, BLOCK - 1, BLOCK, 2 * BLOCK - 1, 2 * BLOCK, many - 1]
    queries = [Query(Code("pdq.1", _flipped(rng, runs[n][2], 40)), 64) for n in edges]

    hits = index.near(queries, scan=scan)

    assert [(hit.query, hit.number, hit.distance) for hit in hits] == [
        (query, number, 40) for query, number in enumerate(edges)
    ]


def test_of_a_hundred_thousand_equal_codes_the_first_of_the_log_are_told(scan: Scan | None) -> None:
    index = Index()
    index.extend(((n, "pdq.1", bytes(32)) for n in range(100_000)), 99_999)

    hits = index.near([Query(Code("pdq.1", bytes(32)), 64)], 5, scan)

    assert [hit.number for hit in hits] == [0, 1, 2, 3, 4]


def test_a_forgotten_record_never_matches_again(scan: Scan | None) -> None:
    index = Index()
    index.extend([(n, "pdq.1", bytes(64)) for n in range(5)], 4)
    index.remove(2)
    index.remove(2)
    index.remove(77)

    hits = index.near([Query(Code("pdq.1", bytes(32)), 0)], 100, scan)

    assert [hit.number for hit in hits] == [0, 0, 1, 1, 3, 3, 4, 4]
    assert index.count("pdq.1") == 8


def test_codes_of_another_algorithm_are_never_compared(scan: Scan | None) -> None:
    index = Index()
    index.extend([(0, "pdq.1", bytes(32)), (0, "iscc.1", bytes(32))], 0)

    hits = index.near([Query(Code("iscc.1", bytes(32)), 0)], scan=scan)

    assert [hit.number for hit in hits] == [0]
    assert index.near([Query(Code("iscc.2", bytes(32)), 256)], scan=scan) == []


def test_the_codes_of_a_record_are_told_apart_wherever_they_lie() -> None:
    # Records of more codes than room is made for at a time, in several runs and extensions.
    rng = random.Random(9)
    sizes = [1000, 3, 5000, 1, 20_000, 2, 7, 300_000, 2]
    index = Index()
    for place, size in enumerate(sizes):
        bits = rng.randbytes(32 * size)
        cut = 32 * (size // 3)
        index.extend([(place, "x.1", bits[:cut]), (place, "x.1", bits[cut:])], place)
        for which in {0, size // 2, size - 1}:
            (hit,) = index.near([Query(Code("x.1", bits[32 * which : 32 * which + 32]), 40)])
            assert (hit.number, hit.which) == (place, which)
            assert hit.bits == bits[32 * which : 32 * which + 32]

    assert index.count("x.1") == sum(sizes)


def test_threads_ask_while_one_adds() -> None:
    index = Index()
    rng = random.Random(8)
    wanted = rng.randbytes(32)
    index.extend([(0, "pdq.1", wanted)], 0)
    found: list[int] = []
    adding = True

    def ask() -> None:
        while adding:
            hits = index.near([Query(Code("pdq.1", wanted), 0)])
            found.append(sum(hit.number == 0 for hit in hits))

    threads = [Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for place in range(1, 400):
        index.extend([(place, "pdq.1", rng.randbytes(3200))], place)
    adding = False
    for thread in threads:
        thread.join()

    assert found
    assert set(found) == {1}
    assert index.count("pdq.1") == 39_901


def _agree(runs: list[Run], queries: list[Query], most: int, scan: Scan | None) -> None:
    index = Index()
    index.extend(runs[:100], 99)
    index.extend(runs[100:], len(runs) - 1)

    hits = index.near(queries, most, scan)

    expected = _one_by_one(runs, queries)
    assert len(expected) > 10
    assert hits == expected[:most]


def _one_by_one(runs: list[Run], queries: list[Query]) -> list[Hit]:
    found = []
    for number, query in enumerate(queries):
        asked = int.from_bytes(query.code.bits)
        for place, algorithm, bits in runs:
            if algorithm != query.code.algorithm:
                continue
            for which in range(len(bits) // 32):
                code = bits[32 * which : 32 * which + 32]
                distance = (asked ^ int.from_bytes(code)).bit_count()
                if distance <= query.within:
                    found.append(Hit(place, number, which, code, distance))
    return sorted(found, key=lambda hit: (hit.distance, hit.query, hit.number))


def _run(rng: random.Random, place: int, bits) -> Run:
    many = rng.choice((1, 1, 1, 4))
    return place, rng.choice(("pdq.1", "iscc.1")), b"".join(bits(32) for _ in range(many))


def _queries(rng: random.Random, runs: list[Run], many: int) -> list[Query]:
    queries = []
    for _ in range(many):
        _, algorithm, bits = rng.choice(runs)
        code = Code(algorithm, _flipped(rng, bits[:32], rng.randrange(40)))
        queries.append(Query(code, rng.choice((0, 20, 48, 64, 100, 110))))
    return queries


def _flipped(rng: random.Random, code: bytes, many: int) -> bytes:
    number = int.from_bytes(code)
    for bit in rng.sample(range(256), many):
        number ^= 1 << bit
    return number.to_bytes(32)
