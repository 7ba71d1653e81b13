"""How well codes for 64 bits read at equal energy, and what a reading costs: why ours is ours.

n positions see a sign each with amplitude a under noise of 1; z = a sqrt(n) is the energy spent.
A reading counts when it passes the test of trustkit.watermarks.code: `MARGIN` bits beyond the
code book, for all codes alike; the second test, of the lead, is left out. `python -m bench.codes
4000` takes that many words for each figure.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.measure import Figure, tell
from trustkit.watermarks.code import LOG2_CODEBOOK, MARGIN, Code, evidence
from trustkit.watermarks.code_trellis import GENERATORS, MEMORY, STEPS, Bits, Floats, Trellis

POSITIONS = 448
ENERGIES = (12.0, 13.0, 14.0)
WORDS = 400
BATCH = 16
SINGLE_MS, BATCH_MS = 6.0, 2.0
_PUBLISHED = (0o463, 0o535, 0o733, 0o745)  # rate 1/4, memory 8: Larsen 1973, d_free 24
_CRC24, _CRC11 = 0x864CFB, 0x621  # OpenPGP's (RFC 9580); 3GPP TS 38.212's


class Candidate(Protocol):
    """A code: `decode` gives the bits it believes, and whether its own check agrees."""

    def encode(self, bits: Bits) -> Floats:
        """Return the signs (words, positions)."""

    def decode(self, values: Floats) -> tuple[Bits, NDArray[np.bool_]]:
        """Return the bits of each row, and whether they pass."""


@dataclass(frozen=True)
class Ring:
    """Tail-biting, with no check of its own."""

    trellis: Trellis
    generators: int

    def encode(self, bits: Bits) -> Floats:
        """Return the signs (words, positions)."""
        return self.trellis.encode(bits).reshape(len(bits), -1)[:, :POSITIONS]

    def decode(self, values: Floats) -> tuple[Bits, NDArray[np.bool_]]:
        """Return the bits of each row, and whether they pass."""
        rows = values.reshape(len(values), self.generators, STEPS)
        metrics = self.trellis.start(len(rows))
        self.trellis.turn(rows, metrics)
        bits, leads = self.trellis.nearest(rows, metrics)
        return bits, leads > 0


class Tail:
    """The prototype: a register of 9, rate 1/4, CRC-24, ended by zeros; the rest repeated."""

    def __init__(self) -> None:
        self._steps = STEPS + 24 + 8
        self._trellis = Trellis(8, _PUBLISHED, self._steps)
        self._crc = crc_matrix(_CRC24, 24)

    def encode(self, bits: Bits) -> Floats:
        """Return the signs (words, positions)."""
        ended = np.concatenate([bits, bits @ self._crc & 1, np.zeros((len(bits), 8), np.uint8)], 1)
        word = self._trellis.encode(ended.astype(np.uint8)).reshape(len(bits), -1)
        return np.concatenate([word, word[:, : POSITIONS - word.shape[1]]], axis=1)

    def decode(self, values: Floats) -> tuple[Bits, NDArray[np.bool_]]:
        """Return the bits of each row, and whether they pass."""
        length = 4 * self._steps
        folded = values[:, :length].copy()
        folded[:, : POSITIONS - length] += values[:, length:]
        rows = folded.reshape(len(values), 4, self._steps)
        metrics = np.full((len(rows), self._trellis.states), -1e6, np.float32)
        metrics[:, 0] = 0
        leads = np.empty((self._steps, len(rows), self._trellis.states), np.float32)
        self._trellis.turn(rows, metrics, leads)
        zero = np.zeros(1, np.intp)
        bits = np.concatenate([self._trellis.trace(leads[:, i], zero)[0] for i in range(len(rows))])
        return bits[:, :STEPS], ((bits[:, :STEPS] @ self._crc & 1) == bits[:, STEPS:-8]).all(1)


class Polar:
    """A polar code of 512, punctured, with CRC-11 and a list; min-sum, Gaussian construction."""

    def __init__(self, paths: int, length: int = 512, checks: int = 11) -> None:
        self._paths = paths
        self._length = length
        self._crc = crc_matrix(_CRC11, checks)
        depth = length.bit_length() - 1
        turned = [int(f"{i:0{depth}b}"[::-1], 2) for i in range(length)]
        self._kept = np.sort(turned[length - POSITIONS :])
        means = np.zeros(length)
        means[self._kept] = 2 * 12.0**2 / POSITIONS
        self._taken = np.zeros(length, np.bool_)
        self._taken[np.argsort(-_polarised(means), kind="stable")[: STEPS + checks]] = True

    def encode(self, bits: Bits) -> Floats:
        """Return the signs (words, positions)."""
        word = np.zeros((len(bits), self._length), np.uint8)
        word[:, self._taken] = np.concatenate([bits, bits @ self._crc & 1], axis=1)
        half = 1
        while half < self._length:
            pairs = word.reshape(len(bits), -1, 2, half)
            pairs[:, :, 0] ^= pairs[:, :, 1]
            half *= 2
        return (1 - 2 * word[:, self._kept].astype(np.float32)).astype(np.float32)

    def decode(self, values: Floats) -> tuple[Bits, NDArray[np.bool_]]:
        """Return the bits of each row, and whether they pass."""
        ratios = np.zeros((len(values), 1, self._length), np.float32)
        ratios[:, 0, self._kept] = values * (24 / np.sqrt(POSITIONS))
        self._cost = np.full((len(values), self._paths), np.inf, np.float32)
        self._cost[:, 0] = 0
        self._bits = np.zeros((len(values), self._paths, 0), np.uint8)
        self._node(np.repeat(ratios, self._paths, axis=1), 0)
        order = np.argsort(self._cost, axis=1)
        bits = np.take_along_axis(self._bits, order[:, :, None], 1)
        fits = ((bits[..., :STEPS] @ self._crc & 1) == bits[..., STEPS:]).all(2)
        best = fits.argmax(1)
        return bits[np.arange(len(bits)), best, :STEPS], fits.any(1)

    def _node(self, ratios: Floats, at: int) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        # The coded bits below this node, and from which path each path was continued.
        size = ratios.shape[2]
        if not self._taken[at : at + size].any():
            self._cost += np.maximum(-ratios, 0).sum(2)
            same = np.broadcast_to(np.arange(self._paths), self._cost.shape)
            return np.zeros(ratios.shape, np.uint8), same
        if size == 1:
            return self._split(ratios[..., 0])
        half = size // 2
        low, high = ratios[..., :half], ratios[..., half:]
        least = np.minimum(np.abs(low), np.abs(high))
        left, came = self._node(np.where((low < 0) != (high < 0), -least, least), at)
        low, high = (np.take_along_axis(x, came[..., None], 1) for x in (low, high))
        right, then = self._node(high + np.where(left, -low, low), at + half)
        left = np.take_along_axis(left, then[..., None], 1)
        return np.concatenate([left ^ right, right], 2), np.take_along_axis(came, then, 1)

    def _split(self, ratios: Floats) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        zero = self._cost + np.maximum(-ratios, 0)
        one = self._cost + np.maximum(ratios, 0)
        both = np.concatenate([zero, one], axis=1)
        chosen = np.argpartition(both, self._paths - 1, axis=1)[:, : self._paths]
        self._cost = np.take_along_axis(both, chosen, 1)
        came, bit = chosen % self._paths, (chosen >= self._paths).astype(np.uint8)
        kept = np.take_along_axis(self._bits, came[..., None], 1)
        self._bits = np.concatenate([kept, bit[..., None]], axis=2)
        return bit[..., None], came


def crc_matrix(polynomial: int, width: int) -> NDArray[np.uint8]:
    """Return the check bits (64, width) of each single bit; the CRC starts from zero."""
    rows = np.zeros((STEPS, width), np.uint8)
    for bit in range(STEPS):
        register = 0
        for step in range(STEPS):
            top = (register >> (width - 1) & 1) ^ (step == bit)
            register = (register << 1 & ((1 << width) - 1)) ^ (polynomial if top else 0)
        rows[bit] = [register >> (width - 1 - i) & 1 for i in range(width)]
    return rows


def _polarised(means: NDArray[np.float64]) -> NDArray[np.float64]:
    # The Gaussian approximation of density evolution (Trifonov 2012), from the channel's means.
    if len(means) == 1:
        return means
    low, high = np.split(means, 2)
    unsure = 1 - (1 - _phi(low)) * (1 - _phi(high))
    worse = ((0.0218 - np.log(np.clip(unsure, 1e-300, 1))) / 0.4527).clip(0) ** (1 / 0.86)
    worse[unsure >= 1] = 0
    return np.concatenate([_polarised(worse), _polarised(low + high)])


def _phi(means: NDArray[np.float64]) -> NDArray[np.float64]:
    phi: NDArray[np.float64] = np.where(means > 0, np.exp(-0.4527 * means**0.86 + 0.0218), 1)
    return np.minimum(phi, 1)


def search(memory: int, first: int, total: int, pool: int = 400, seed: int = 0) -> list[int]:
    """Find generators such that the first `first` alone, and all longer beginnings, do well.

    What is made small is sum(exp(-weight a^2 / 2)) over the words of inputs up to 14 steps long,
    at z = 12: the light words, which are what a low-rate code of this memory gets wrong.
    """
    rng = np.random.default_rng(seed)
    choice = np.unique(rng.integers(0, 1 << (memory - 1), pool)) * 2 + 1 | (1 << memory)
    weights = np.stack([_weights(int(one), memory) for one in choice])
    best: tuple[float, list[int]] = (np.inf, [])
    for _ in range(4):
        best = min(best, _descend(weights, [*rng.choice(len(choice), first, replace=False)]))
    picked = best[1]
    while len(picked) < total:
        sum_so_far = weights[picked].sum(0)
        scores = [_light(sum_so_far + more, len(picked) + 1) for more in weights]
        picked.append(min(set(range(len(choice))) - set(picked), key=lambda i: scores[i]))
    return [int(choice[i]) for i in picked]


def _descend(weights: Floats, picked: list[int]) -> tuple[float, list[int]]:
    best = np.inf
    for _ in range(8):
        before = best
        for place in range(len(picked)):
            others = picked[:place] + picked[place + 1 :]
            rest = weights[others].sum(0)
            scores = [_light(rest + more, len(picked)) for more in weights]
            one = min(set(range(len(weights))) - set(others), key=lambda i: scores[i])
            if scores[one] < best * (1 - 1e-6):
                picked[place], best = one, scores[one]
        if best == before:
            break
    return best, picked


def _weights(generator: int, memory: int, longest: int = 14) -> Floats:
    inputs = (2 * np.arange(1 << (longest - 1)) + 1).astype(np.uint64)
    product = np.zeros_like(inputs)
    for bit in range(memory + 1):
        if generator >> bit & 1:
            product ^= inputs << np.uint64(bit)
    return np.bitwise_count(product).astype(np.float32)


def _light(weights: Floats, generators: int) -> float:
    return float(np.exp(-weights * (12.0**2 / (2 * STEPS * generators))).sum())


def light(generators: Sequence[int], memory: int) -> float:
    """Return the figure that `search` makes small."""
    return _light(np.stack([_weights(g, memory) for g in generators]).sum(0), len(generators))


def _ring(memory: int) -> Ring:
    rate = POSITIONS // STEPS
    return Ring(Trellis(memory, search(memory, rate, rate, 100)), rate)


def candidates() -> Iterator[tuple[str, Candidate]]:
    """Name the codes that are compared."""
    yield "zero tail, memory 8, CRC-24", Tail()
    for paths in (8, 32):
        yield f"polar, CRC-11, list {paths}", Polar(paths)
    for memory in (8, 10, 14):
        yield f"tail-biting, memory {memory}", _ring(memory)
    ours = Ring(Trellis(MEMORY, GENERATORS), POSITIONS // STEPS)
    yield f"ours: tail-biting, memory {MEMORY}", ours


def main(words: int = WORDS) -> None:
    """Send the same number of words through every code, and print what came of them."""
    figures = [figure for name, code in candidates() for figure in _measured(name, code, words)]
    figures += _searched()
    figures += _product()
    notes = f"{POSITIONS} positions, {words} words for each figure, ms are CPU"
    tell("codes", figures, notes, f"the test: {MARGIN:g} bits of evidence beyond the code book")


def _measured(name: str, code: Candidate, words: int) -> Iterator[Figure]:
    rng = np.random.default_rng(4)
    rounds = words // BATCH
    share = 100 / (rounds * BATCH)
    cost, wrong = [], 0
    for z in ENERGIES:
        best = read = 0
        for _ in range(rounds):
            bits = rng.integers(0, 2, (BATCH, STEPS)).astype(np.uint8)
            values = _noisy(code.encode(bits), z, rng)
            began = time.process_time()
            got, agrees = code.decode(values)
            cost.append(1000 * (time.process_time() - began) / BATCH)
            same = (got == bits).all(1)
            sums = (code.encode(got) * values).sum(1, dtype=np.float64)
            bound, _ = evidence(values.astype(np.float64), sums)
            passed = (bound - LOG2_CODEBOOK >= MARGIN) & agrees
            best += int(same.sum())
            read += int((same & passed).sum())
            wrong += int((~same & passed).sum())
        yield Figure(f"{name}: best word is right, z {z:g}", (share * best,), "%")
        yield Figure(f"{name}: and passes the test, z {z:g}", (share * read,), "%")
    yield Figure(f"{name}: wrong ones that pass", (float(wrong),), "words")
    yield Figure(f"{name}: whole decoding, each of {BATCH}", tuple(cost), "ms")


def _noisy(signs: Floats, z: float, rng: np.random.Generator) -> Floats:
    amplitude = z / np.sqrt(signs.shape[1])
    values: Floats = (amplitude * signs + rng.normal(size=signs.shape)).astype(np.float32)
    return values


def _searched() -> Iterator[Figure]:
    rate = POSITIONS // STEPS
    rng = np.random.default_rng(1)
    others = rng.integers(0, 1 << (MEMORY - 1), (20, rate)) * 2 + 1 | (1 << MEMORY)
    yield Figure("light words: ours", (light(GENERATORS[:rate], MEMORY),), "")
    yield Figure("light words: at random", tuple(light(one, MEMORY) for one in others), "")


def _product() -> Iterator[Figure]:
    # What stands in the detector: everything, with the early end for what holds no mark.
    code, rng = Code(b"bench", POSITIONS), np.random.default_rng(5)
    for z, what in ((0.0, "unmarked"), (14.0, "marked")):
        for rows, bound in ((1, SINGLE_MS), (8, None), (32, BATCH_MS)):
            signs = np.stack([code.encode(rng.bytes(8)) for _ in range(rows)])
            cost = []
            for _ in range(1 + max(5, 160 // rows)):
                values = _noisy(signs, z, rng)
                began = time.process_time()
                code.decode(values)
                cost.append(1000 * (time.process_time() - began) / rows)
            shown = bound if rows == 1 or not z else None  # a picture holds one mark
            yield Figure(f"decode, {what}, each of {rows}", tuple(cost[1:]), "ms", shown)


if __name__ == "__main__":
    main(*(int(words) for words in sys.argv[1:]))
