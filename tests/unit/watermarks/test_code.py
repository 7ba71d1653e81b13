"""The code: 64 bits come back through noise, and nothing comes back from nothing."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from trustkit.watermarks.code import LOG2_CODEBOOK, MARGIN, Code, Decoded, evidence
from trustkit.watermarks.code_trellis import GENERATORS, MEMORY

KEY = bytes(range(32))
N = 448
PAYLOAD = bytes.fromhex("1f00c0ffee5eed07")


def noisy(word: np.ndarray, z: float, rows: int = 1, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(rows, len(word)))
    return (word * z / math.sqrt(len(word)) + noise).astype(np.float32)


def payloads(found: list[Decoded | None]) -> list[bytes | None]:
    return [one and one.payload for one in found]


@pytest.mark.parametrize("n", [0, 191, 65_537])
def test_a_code_too_short_or_too_long_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="192 to 65,536"):
        Code(KEY, n)


@pytest.mark.parametrize("payload", [b"", bytes(7), bytes(9)])
def test_a_payload_of_another_size_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        Code(KEY, N).encode(payload)


@pytest.mark.parametrize("shape", [(N,), (1, N - 1), (1, 1, N)])
def test_values_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rows of 448"):
        Code(KEY, N).decode(np.zeros(shape, np.float32))


def test_known_values_for_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows of known values"):
        Code(KEY, N).decode(np.zeros((1, N), np.float32), np.zeros((2, 9), np.float32))


def test_nothing_is_read_from_noise() -> None:
    values = np.random.default_rng(2).normal(size=(400, N)).astype(np.float32)
    assert payloads(Code(KEY, N).decode(values)) == [None] * 400


def test_nothing_is_read_from_a_few_loud_positions() -> None:
    # A picture's own edges: what is not a code's noise at all.
    rng = np.random.default_rng(3)
    values = rng.standard_cauchy(size=(100, N)).astype(np.float32)
    values[0], values[1], values[2] = 0, 1, np.arange(N)
    values[3] = np.where(np.arange(N) == 9, 1e30, 0)
    values[4], values[5] = np.nan, np.inf
    assert payloads(Code(KEY, N).decode(values)) == [None] * 100


@pytest.mark.parametrize("other", [Code(KEY[::-1], N), Code(KEY + b"\0", N)])
def test_another_key_reads_nothing(other: Code) -> None:
    values = 9 * Code(KEY, N).encode(PAYLOAD)[None]
    assert other.decode(values) == [None]


def test_the_opposite_of_a_mark_reads_as_nothing() -> None:
    code = Code(KEY, N)
    assert code.decode(-code.encode(PAYLOAD)[None]) == [None]


def test_between_two_words_neither_is_chosen() -> None:
    # One bit apart, the words agree at nine positions of ten: evidence alone would take either.
    code, near = Code(KEY, N), bytes.fromhex("1f00c0ffee5eed05")
    one, two = code.encode(PAYLOAD), code.encode(near)
    values = noisy(one, 17)
    for tilt in (0.0, 0.05, -0.05):
        values[0, one != two] = tilt * one[one != two]
        agreed = np.maximum((values * one).sum(1), (values * two).sum(1)).astype(np.float64)
        assert evidence(values.astype(np.float64), agreed)[0] > LOG2_CODEBOOK + MARGIN
        assert code.decode(values) == [None]


@pytest.mark.parametrize("n", [192, 200, 448, 500, 768, 1200, 5000])
@pytest.mark.parametrize("payload", [bytes(8), b"\xff" * 8, PAYLOAD])
def test_every_payload_comes_back_clean(n: int, payload: bytes) -> None:
    code = Code(KEY, n)
    word = code.encode(payload)
    assert word.dtype == np.float32
    assert set(word) == {-1, 1}
    assert abs(word.sum()) < 5 * math.sqrt(n)
    (found,) = code.decode(word[None])
    assert found is not None
    assert found.payload == payload
    assert found.z == pytest.approx(math.sqrt(n))
    assert found.margin == pytest.approx(n - LOG2_CODEBOOK, abs=0.1)


def test_marks_come_back_through_noise_each_in_its_row() -> None:
    code, rng = Code(KEY, N), np.random.default_rng(4)
    sent: list[bytes | None] = [rng.bytes(8) if row % 3 else None for row in range(36)]
    words = [code.encode(one) if one else np.zeros(N, np.float32) for one in sent]
    values = np.concatenate([noisy(word, 17, seed=row) for row, word in enumerate(words)])
    together = code.decode(values)
    assert payloads(together) == sent
    assert payloads([code.decode(row[None])[0] for row in values]) == sent
    for one in together:
        assert one is None or 11 < one.z < 16
        # Chernoff's bound is never weaker than Hoeffding's, which is what z alone would give.
        assert one is None or one.margin >= one.z**2 / 2 / math.log(2) - LOG2_CODEBOOK


def test_at_energy_14_nine_in_ten_are_read_and_none_wrong() -> None:
    code, rng = Code(KEY, 1200), np.random.default_rng(5)
    sent = [rng.bytes(8) for _ in range(120)]
    values = np.concatenate([noisy(code.encode(s), 14, seed=i) for i, s in enumerate(sent)])
    found = payloads(code.decode(values))
    assert sum(a == b for a, b in zip(sent, found, strict=True)) >= 108
    assert all(b in {a, None} for a, b in zip(sent, found, strict=True))


def test_the_scale_of_the_values_does_not_matter() -> None:
    code = Code(KEY, N)
    values = noisy(code.encode(PAYLOAD), 17)
    plain = code.decode(values)[0]
    assert plain is not None
    for scale in (1e-30, 1e30):
        (found,) = code.decode(values * np.float32(scale))
        assert found is not None
        assert found.payload == PAYLOAD
        assert found.z == pytest.approx(plain.z, rel=1e-4)


def test_positions_that_were_not_seen_cost_little() -> None:
    code = Code(KEY, N)
    values = noisy(code.encode(PAYLOAD), 20)
    values[0, :40], values[0, 40:60] = np.nan, np.inf
    assert payloads(code.decode(values)) == [PAYLOAD]


def test_known_positions_count_as_evidence_for_what_is_there_and_only_then() -> None:
    code = Code(KEY, N)
    weak = noisy(code.encode(PAYLOAD), 14, seed=7)
    alone, wanted = code.decode(weak, margin=0)[0], 80.0
    assert alone is not None
    assert alone.margin < wanted
    known = noisy(np.ones(174, np.float32), 9)
    assert payloads(code.decode(weak, known, wanted)) == [PAYLOAD]
    assert code.decode(weak, known - 0.68, wanted) == [None]
    assert code.decode(noisy(np.zeros(N), 1), 3 * known, wanted) == [None]


@pytest.mark.parametrize("tail", ["normal", "cauchy", "equal"])
def test_evidence_is_a_bound_on_what_chance_does(tail: str) -> None:
    rng = np.random.default_rng(6)
    values = {
        "normal": rng.normal(size=60),
        "cauchy": rng.standard_cauchy(size=60),
        "equal": np.ones(60),
    }[tail]
    signs = rng.integers(0, 2, (50_000, 60), dtype=np.int8) * 2 - 1
    sums = signs.astype(np.float32) @ values
    bits, _ = evidence(np.repeat(values[None], len(sums), axis=0), sums.astype(np.float64))
    for wanted in (1, 2, 4, 8, 10):
        assert (bits >= wanted).mean() <= 2.0**-wanted


def test_the_format_has_not_moved() -> None:
    # Marks that were made must stay readable: whoever changes this makes another format.
    words = [Code(KEY, n).encode(PAYLOAD) for n in (448, 1000)]
    digests = [hashlib.sha256(np.packbits(word < 0).tobytes()).hexdigest() for word in words]
    assert [digest[:16] for digest in digests] == ["c7ec0c8271077ee8", "873e35a15d0b89cd"]


@pytest.mark.parametrize("n", [448, 1000])
def test_the_format_is_what_the_docs_describe(n: int) -> None:
    # Written from docs/watermark-format.md without numpy, as a reader in another language would.
    stream = hashlib.shake_256(b"org.trustkit.watermark code 1" + n.to_bytes(4, "big") + KEY)
    drawn = stream.digest(9 * n)
    order = sorted(range(n), key=lambda i: (drawn[8 * i : 8 * i + 8], i))
    bits = [PAYLOAD[i // 8] >> (7 - i % 8) & 1 for i in range(64)]
    expected = [0] * n
    for place, position in enumerate(order):
        row, column = divmod(place, 64)
        generator = GENERATORS[row % 12]
        step = 39 * column % 64
        taps = [bits[(step - back) % 64] for back in range(MEMORY + 1) if generator >> back & 1]
        expected[position] = 1 - 2 * ((sum(taps) + drawn[8 * n + position]) % 2)
    assert Code(KEY, n).encode(PAYLOAD).tolist() == expected


@pytest.mark.parametrize("payload", [b"", bytes(3), bytes(5), PAYLOAD])
def test_a_short_code_refuses_a_payload_of_another_size(payload: bytes) -> None:
    with pytest.raises(ValueError, match=f"4 bytes, not {len(payload)}"):
        Code(KEY, N, bits=32).encode(payload)


def test_a_short_code_reads_nothing_from_noise() -> None:
    values = np.random.default_rng(8).normal(size=(200, N)).astype(np.float32)
    values[100:] = np.random.default_rng(9).standard_cauchy(size=(100, N))
    values[0], values[1], values[2] = 0, 1, np.nan
    assert payloads(Code(KEY, N, bits=32).decode(values, margin=20)) == [None] * 200


@pytest.mark.parametrize("n", [192, 448, 500, 1066])
@pytest.mark.parametrize("payload", [bytes(4), b"\xff" * 4, bytes.fromhex("5eed07c0")])
def test_every_short_payload_comes_back_clean_and_through_noise(n: int, payload: bytes) -> None:
    code = Code(KEY, n, bits=32)
    word = code.encode(payload)
    assert (word.dtype, set(word)) == (np.float32, {-1, 1})
    clean, faint = code.decode(np.concatenate([word[None], noisy(word, 13, seed=n)]))
    assert clean is not None
    assert clean.payload == payload
    assert clean.z == pytest.approx(math.sqrt(n))
    assert clean.margin == pytest.approx(n - 32, abs=0.1)
    assert faint is not None
    assert faint.payload == payload
    # A short word needs less: what is asked beyond its code book is the same.
    assert faint.z**2 / 2 / math.log(2) - 32 <= faint.margin


def test_short_marks_are_read_where_whole_ones_are_too_faint() -> None:
    rng = np.random.default_rng(10)
    read = {}
    for bits in (32, 64):
        code = Code(KEY, 1066, bits)
        sent = [rng.bytes(bits // 8) for _ in range(60)]
        values = np.concatenate([noisy(code.encode(s), 11, seed=i) for i, s in enumerate(sent)])
        found = payloads(code.decode(values, margin=26))
        assert all(b in {a, None} for a, b in zip(sent, found, strict=True))
        read[bits] = sum(one is not None for one in found)
    assert read[32] >= 55
    assert read[64] <= 40


def test_the_two_lengths_do_not_read_each_other() -> None:
    # Each has its own key, as the format of sounds asks: to one the other's word is noise.
    short, long = Code(KEY, 1066, bits=32), Code(KEY[::-1], 1066)
    for seed in range(20):
        payload = np.random.default_rng(seed).bytes(8)
        assert short.decode(long.encode(payload)[None], margin=20) == [None]
        assert long.decode(short.encode(payload[:4])[None], margin=20) == [None]


def test_whole_ids_are_what_a_code_carries_unless_told_otherwise() -> None:
    assert Code(KEY, N).bits == 64
    assert (Code(KEY, N).encode(PAYLOAD) == Code(KEY, N, bits=64).encode(PAYLOAD)).all()


@pytest.mark.parametrize("n", [448, 1000, 1066])
def test_the_short_format_is_what_the_docs_describe(n: int) -> None:
    # Written from docs/watermark-sound-format.md, as above.
    payload = bytes.fromhex("5eed07c0")
    stream = hashlib.shake_256(b"org.trustkit.watermark code 1" + n.to_bytes(4, "big") + KEY)
    drawn = stream.digest(9 * n)
    order = sorted(range(n), key=lambda i: (drawn[8 * i : 8 * i + 8], i))
    bits = [payload[i // 8] >> (7 - i % 8) & 1 for i in range(32)]
    expected = [0] * n
    for place, position in enumerate(order):
        row, column = divmod(place, 32)
        generator = GENERATORS[row % 12]
        step = 39 * column % 32
        taps = [bits[(step - back) % 32] for back in range(MEMORY + 1) if generator >> back & 1]
        expected[position] = 1 - 2 * ((sum(taps) + drawn[8 * n + position]) % 2)
    assert Code(KEY, n, bits=32).encode(payload).tolist() == expected
