"""The code that carries an id over n noisy positions, and the test of what was read.

docs/watermark-format.md holds the format and the derivation of the odds.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks.code_trellis import GENERATORS, STEPS, Floats, trellis

LOG2_CODEBOOK = STEPS  # every whole id is a word
MIN_POSITIONS = 192
MAX_POSITIONS = 1 << 16
# Bits of evidence beyond the code book: an unmarked vector is taken for a mark with odds of at
# most 2**-MARGIN. At 34 a search may look at 17,000 vectors and stay below 1e-6.
MARGIN = 34.0
# That a mark is there does not tell which: bits of evidence from the code's own positions, and bits
# by which the best word must be likelier than the next best that was met. Of faint marks none of
# 190,000 gave a wrong word; without the lead one of 1,500, with a margin of 12 one of 40,000.
SURE_MARGIN = 20.0
SURE_LEAD = 14.0

_LABEL = b"org.trustkit.watermark code 1"
_STRIDE = 39  # odd: neighbours in a row of positions are far apart in the ring
_BATCH = 8  # words at once: what of their metrics fits a core's second cache
_NEWTON = 3  # as exact as six, to 0.01 bits
_CLOSE = 1e-9  # what is left of a sum that cannot grow any more
_LN2 = math.log(2)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A payload that was read.

    `z` is the correlation with its word over the norm of the values: standard deviations of what
    an unmarked vector gives. `margin` is the evidence in bits beyond the code book: an unmarked
    vector comes this far with odds of at most 2**-margin.
    """

    payload: bytes
    z: float
    margin: float


class Code:
    """The code over `n` positions, scrambled and interleaved by `key` (bytes of one purpose).

    It carries ids of `bits`: 64, or 32 for short ones. Two lengths must not share a key.
    """

    def __init__(self, key: bytes, n: int, bits: int = LOG2_CODEBOOK) -> None:
        if not MIN_POSITIONS <= n <= MAX_POSITIONS:
            raise ValueError(f"a code has {MIN_POSITIONS} to {MAX_POSITIONS:,} positions, not {n}")
        self.n, self.bits = n, bits
        self._trellis = trellis(bits)
        stream = hashlib.shake_256(_LABEL + n.to_bytes(4, "big") + key).digest(9 * n)
        words = np.frombuffer(stream, ">u8", n)
        tail = np.frombuffer(stream, np.uint8, n, 8 * n)
        # The place of each position in the rows of the mother code, and its sign.
        place = np.empty(n, np.intp)
        place[np.argsort(words, kind="stable")] = np.arange(n)
        row, column = np.divmod(place, bits)
        self._generators = min(len(GENERATORS), -(-n // bits))
        self._index = row % self._generators * bits + column * _STRIDE % bits
        self._signs = 1 - 2 * (tail & 1).astype(np.float32)

    def encode(self, payload: bytes) -> Floats:
        """Return the word of `payload`: n signs, +1 or -1."""
        if 8 * len(payload) != self.bits:
            raise ValueError(f"a payload has {self.bits // 8} bytes, not {len(payload)}")
        bits = np.unpackbits(np.frombuffer(payload, np.uint8))
        word: Floats = self._words(bits[None])[0]
        return word

    def decode(
        self, values: Floats, known: Floats | None = None, margin: float = MARGIN
    ) -> list[Decoded | None]:
        """Read each row of `values` (rows, n): what was seen at the positions, + for a sign of +1.

        `known` (rows, any) are values at further positions whose signs the key tells, already
        multiplied by them: they count as evidence, and then every alignment that was tried with
        them is a trial, decoded or not. None stands for a row that gives less than `margin` bits
        beyond the code book, or leaves open which word it is. What is not finite was not seen.
        """
        if values.ndim != 2 or values.shape[1] != self.n:  # noqa: PLR2004  # rows by positions
            raise ValueError(f"values must be rows of {self.n}, not {values.shape}")
        seen, extra = _levelled(values, known)
        found: list[Decoded | None] = []
        for at in range(0, len(seen), _BATCH):
            found += self._decode(seen[at : at + _BATCH], extra[at : at + _BATCH], margin)
        return found

    def _decode(
        self, seen: NDArray[np.float64], extra: NDArray[np.float64], margin: float
    ) -> list[Decoded | None]:
        whole = np.concatenate([seen, extra], axis=1)
        known = extra.sum(1)
        rows = self._gather(seen)
        metrics = self._trellis.start(len(rows))
        self._trellis.turn(rows, metrics)
        # No word correlates better than the best way through the trellis, closed or not: what
        # falls short here needs no second look, and of an unmarked picture almost all does.
        highest = metrics.max(1)
        best = evidence(whole, highest + known)[0] - self.bits
        best_own = evidence(seen, highest)[0] - self.bits if extra.shape[1] else best
        found: list[Decoded | None] = [None] * len(rows)
        at = np.flatnonzero((best >= margin) & (best_own >= SURE_MARGIN))
        if not len(at):
            return found
        bits, leads = self._trellis.nearest(rows[at], metrics[at])
        sums = (self._words(bits) * seen[at]).sum(1)
        totals = sums + known[at]
        bound, rate = evidence(whole[at], totals)
        own = evidence(seen[at], sums)[0] if extra.shape[1] else bound
        sure = (own - self.bits >= SURE_MARGIN) & (rate * leads / _LN2 >= SURE_LEAD)
        z = totals / np.sqrt((whole[at] ** 2).sum(1))
        for i in np.flatnonzero(sure & (bound - self.bits >= margin)):
            payload = np.packbits(bits[i]).tobytes()
            found[at[i]] = Decoded(payload, float(z[i]), float(bound[i] - self.bits))
        return found

    def _words(self, bits: NDArray[np.uint8]) -> Floats:
        words: Floats = self._trellis.encode(bits).reshape(len(bits), -1)[:, self._index]
        return words * self._signs

    def _gather(self, seen: NDArray[np.float64]) -> Floats:
        # Adds up what stands for the same bit of the mother code; a bit left out stays 0.
        rows = np.zeros((self._generators * self.bits, len(seen)))
        np.add.at(rows, self._index, (seen * self._signs).T)
        return rows.T.reshape(len(seen), self._generators, self.bits).astype(np.float32)


def evidence(
    values: NDArray[np.float64], sums: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each row the bits of evidence that its sum with a word is no chance.

    And the rate t: t times the difference of two sums is by how much (ln) one word is likelier.
    """
    # Whatever the values v are, random signs c reach sum(v c) >= s with a probability of at most
    # exp(sum(log cosh(t v)) - t s), for every t >= 0. The best t has sum(v tanh(t v)) = s; Newton
    # seeks it on the logarithm of what is missing to sum(|v|), which is nearly straight in t.
    sizes = np.abs(values)
    whole = np.maximum(sizes.sum(1), np.finfo(np.float32).tiny)
    goal = np.clip(sums / whole, 0, 1 - _CLOSE)
    power = np.maximum((sizes**2).sum(1), np.finfo(np.float32).tiny)
    rate = goal * whole / power
    for _ in range(_NEWTON):
        steep = np.tanh(rate[:, None] * sizes)
        short = np.maximum(1 - (sizes * steep).sum(1) / whole, _CLOSE)
        bend = np.maximum((sizes**2 * (1 - steep**2)).sum(1) / whole, _CLOSE)
        rate = np.maximum(rate + np.log(short / (1 - goal)) * short / bend, 0)
    turned = rate[:, None] * sizes
    log_cosh = turned + np.log1p(np.exp(-2 * turned)) - _LN2
    return (rate * sums - log_cosh.sum(1)) / _LN2, rate


def _levelled(
    values: Floats, known: Floats | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    extra = np.zeros((len(values), 0)) if known is None else known
    if len(extra) != len(values):
        raise ValueError(f"{len(extra)} rows of known values for {len(values)} rows of values")
    whole = np.concatenate([values, extra], axis=1, dtype=np.float64)
    whole = np.where(np.isfinite(whole), whole, 0)
    # One scale for all rows, so that no input overflows the trellis's single precision.
    peak = np.abs(whole).max(axis=1, initial=0, keepdims=True)
    whole /= np.where(peak > 0, peak, 1)
    return whole[:, : values.shape[1]], whole[:, values.shape[1] :]
