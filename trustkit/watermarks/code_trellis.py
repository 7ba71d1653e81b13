"""The trellis of the payload's code: tail-biting convolutional, decoded by wrap-around Viterbi."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

STEPS = 64  # one for each bit of a whole id; after the last comes the first again, as in a ring
MEMORY = 12
# Bit b of a generator takes the input of b steps ago. Found by our own search for few light words
# (bench/codes.py). Each has its first and its last bit set, on which `turn` relies.
GENERATORS = (
    0o12133, 0o17647, 0o13163, 0o16675, 0o15271, 0o14337,
    0o11241, 0o10465, 0o14457, 0o12751, 0o17313, 0o11655,
)  # fmt: skip

_ENDS = 256  # end states that are followed back: 16 lose twice the words, all 4,096 no fewer

Floats = NDArray[np.float32]
Bits = NDArray[np.uint8]
States = NDArray[np.intp]


class Trellis:
    """A ring of `steps` inputs to a register of `memory` and one, tapped by the generators."""

    def __init__(self, memory: int, generators: Sequence[int], steps: int = STEPS) -> None:
        self.steps = steps
        self.states = 1 << memory
        self._memory = memory
        self._generators = np.array(generators)

    def encode(self, bits: Bits) -> Floats:
        """Return for words of `bits` (words, steps) their signs (words, generators, steps)."""
        register = np.zeros(bits.shape, np.intp)
        for back in range(self._memory + 1):
            register |= np.roll(bits, back, axis=1).astype(np.intp) << back
        return np.ascontiguousarray(self._signs[:, register].transpose(1, 0, 2))

    def start(self, words: int) -> Floats:
        """Return the metrics before the first turn: any state is as likely as any other."""
        return np.zeros((words, self.states), np.float32)

    def turn(self, rows: Floats, metrics: Floats, leads: Floats | None = None) -> None:
        """Go once round the ring of `rows` (words, generators, steps), with `metrics` in place.

        `leads` (steps, words, states) takes by how much the way from the upper half of the states
        was the better one; negative where the way from the lower half was taken.
        """
        # A state is its last inputs, the newest lowest. From j and j + half one gets to 2j and
        # 2j + 1, and the four branches carry one and the same number with the signs + - - +.
        words, generators, _ = rows.shape
        half = self.states >> 1
        inputs = np.ascontiguousarray(rows.transpose(2, 0, 1))
        weights = np.ascontiguousarray(self._signs[:generators, 0 : self.states : 2])
        low, high = metrics[:, :half], metrics[:, half:]
        new = metrics.reshape(words, half, 2).transpose(0, 2, 1)
        branch = np.empty((words, half), np.float32)
        from_low = np.empty((words, 2, half), np.float32)
        from_high = np.empty_like(from_low)
        for step in range(self.steps):
            np.matmul(inputs[step], weights, out=branch)
            np.add(low, branch, out=from_low[:, 0])
            np.subtract(low, branch, out=from_low[:, 1])
            np.subtract(high, branch, out=from_high[:, 0])
            np.add(high, branch, out=from_high[:, 1])
            if leads is not None:
                np.subtract(from_high, from_low, out=leads[step].reshape(from_low.shape))
            np.maximum(from_low, from_high, out=new)

    def nearest(self, rows: Floats, metrics: Floats) -> tuple[Bits, Floats]:
        """Return the bits (words, steps) whose signs correlate best with `rows`, and their leads.

        A lead is the distance to the next best bits; 0 when no way closed into a ring.
        `metrics` are those after one turn. The bits are almost always, not surely, the best.
        """
        words = len(rows)
        metrics = metrics.copy()
        leads = np.empty((self.steps, words, self.states), np.float32)
        self.turn(rows, metrics, leads)
        found = np.zeros((words, self.steps), np.uint8)
        lead = np.zeros(words, np.float32)
        ends = np.argsort(-metrics, axis=1)[:, :_ENDS]
        for word in range(words):
            bits, starts, least = self.trace(leads[:, word], ends[word])
            closed = np.flatnonzero(starts == ends[word])
            if not len(closed):
                continue
            signs = self.encode(bits[closed])[:, : rows.shape[1]]
            sums = np.tensordot(signs, rows[word], 2)
            first, *others = np.argsort(-sums)
            found[word] = bits[closed[first]]
            lead[word] = min(least[closed[first]], *(sums[first] - sums[others[:1]]), np.inf)
        return found, lead

    def trace(self, leads: Floats, ends: States) -> tuple[Bits, States, Floats]:
        """Go back along the ways that end in `ends`, by the `leads` (steps, states).

        Returns their bits, their first states, and how near the nearest way came that lost to them.
        """
        half = self.states >> 1
        bits = np.empty((len(ends), self.steps), np.uint8)
        least = np.full(len(ends), np.inf, np.float32)
        state = ends
        for step in range(self.steps - 1, -1, -1):
            newest, before = state & 1, state >> 1
            bits[:, step] = newest
            lead = leads[step][newest * half + before]
            least = np.minimum(least, np.abs(lead))
            state = before + half * (lead > 0)
        return bits, state, least

    @cached_property
    def _signs(self) -> Floats:
        # For each generator the sign (+1 for an even number of taps that are 1) of every content
        # of the register, the newest input lowest.
        taken = np.arange(2 * self.states) & self._generators[:, None]
        return np.asarray(1 - 2 * (np.bitwise_count(taken) & 1).astype(np.float32), np.float32)


@cache
def trellis(steps: int = STEPS) -> Trellis:
    """Return the trellis of format 1 for words of `steps` bits, made once."""
    return Trellis(MEMORY, GENERATORS, steps)
