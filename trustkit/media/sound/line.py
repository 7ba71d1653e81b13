"""The way of one stream through its changer, and what is to be heard of it afterwards."""

from __future__ import annotations

import zlib
from array import array
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.errors import PublishError, UnreadableError
from trustkit.media.sound import Block, Changer, Sound
from trustkit.media.sound.waves import Samples, as_floats, as_samples, is_wide

BLOCK = 16384  # samples: decoders give as few as 100 at once, too few for the work on them


class Heard:
    """What a stream sounds like: its length, the sum of its samples, and its level each second."""

    def __init__(self, rate: int) -> None:
        self.samples = self.sum = 0
        self.levels = array("d")  # mean squares
        self._rate, self._rest = rate, np.zeros(0)

    def add(self, samples: Samples) -> None:
        """Take the next samples."""
        self.samples += samples.shape[1]
        self.sum = zlib.crc32(np.ascontiguousarray(samples.T).data, self.sum)
        power = np.square(as_floats(samples)).mean(axis=0, dtype=np.float64)
        self._rest = np.concatenate([self._rest, power])
        whole = len(self._rest) // self._rate * self._rate
        self.levels.extend(self._rest[:whole].reshape(-1, self._rate).mean(axis=1))
        self._rest = self._rest[whole:]


class Line:
    """Takes decoded samples and gives changed ones, of the same kind, as many and in their order.

    Samples that tell more than a float32 keep what it cannot tell: to them the change is added.
    """

    def __init__(self, sound: Sound, changer: Changer, kind: np.dtype[Any]) -> None:
        self.heard, self.clipped = Heard(sound.rate), 0
        self._sound, self._changer, self._kind = sound, changer, kind
        self._bits = sound.bits or 8 * kind.itemsize
        self._fed, self._gathered = 0, 0
        self._waiting: list[Samples] = []
        self._wide = is_wide(kind, self._bits)
        self._originals: deque[Samples] = deque()
        self._times: deque[tuple[int, Fraction]] = deque()

    @property
    def fed(self) -> int:
        """How many samples came in."""
        return self._fed + self._gathered

    def put(self, samples: Samples, time: Fraction | None) -> Iterator[Samples]:
        """Take samples that sound at `time` (in seconds), and give what is done."""
        if time is not None:
            self._stamp(time)
        self._waiting.append(samples)
        self._gathered += samples.shape[1]
        if self._gathered >= BLOCK:
            yield from self._feed()

    def end(self) -> Iterator[Samples]:
        """Give the rest; raises `PublishError` if that is not all."""
        if self._gathered:
            yield from self._feed()
        yield from self._taken(self._changer.flush())
        if self.heard.samples != self._fed:
            raise PublishError(
                f"of {self._fed} samples the changer gave back {self.heard.samples}",
                "nothing was written; this is a bug",
            )

    def time_of(self, sample: int) -> Fraction:
        """Return when a sample sounds; asked for in order."""
        while len(self._times) > 1 and self._times[1][0] <= sample:
            self._times.popleft()
        number, time = self._times[0] if self._times else (0, Fraction(0))
        return time + Fraction(sample - number, self._sound.rate)

    def _stamp(self, time: Fraction) -> None:
        # Two ticks: a clock of milliseconds rounds every time. What is more is a gap, or a drift.
        slack = 2 * self._sound.time_base + Fraction(1, self._sound.rate)
        if self._times:
            number, last = self._times[-1]
            if abs(last + Fraction(self.fed - number, self._sound.rate) - time) <= slack:
                return
        self._times.append((self.fed, time))

    def _feed(self) -> Iterator[Samples]:
        samples = np.concatenate(self._waiting, axis=1)
        self._waiting.clear()
        self._fed, self._gathered = self._fed + self._gathered, 0
        if self._wide:
            self._originals.append(samples)
        floats = as_floats(samples)
        if not np.isfinite(floats).all():
            raise UnreadableError(
                f"a sample before {self._fed / self._sound.rate:.1f} seconds is no number",
                "nothing was written; repair it or cut the place out",
            )
        yield from self._taken(self._changer.feed(floats))

    def _taken(self, block: Block) -> Iterator[Samples]:
        if block.ndim != 2 or block.shape[0] != self._sound.channels or block.dtype != np.float32:  # noqa: PLR2004  # channels, samples
            raise PublishError(
                "the changer gave back something else than sound",
                "nothing was written; this is a bug",
            )
        if not block.shape[1]:
            return
        whole: NDArray[Any] = self._with_originals(block) if self._wide else block
        samples, clipped = as_samples(whole, self._kind, self._bits)
        self.clipped += clipped
        self.heard.add(samples)
        yield samples

    def _with_originals(self, block: Block) -> NDArray[np.float64]:
        made, done = np.empty(block.shape), 0
        while done < block.shape[1] and self._originals:
            original = self._originals.popleft()
            taken = original[:, : block.shape[1] - done]
            if taken.shape[1] < original.shape[1]:
                self._originals.appendleft(original[:, taken.shape[1] :])
            to = slice(done, done + taken.shape[1])
            full = 1.0 if taken.dtype.kind == "f" else float(1 << (8 * taken.dtype.itemsize - 1))
            made[:, to] = taken / full + (block[:, to] - as_floats(taken))
            done = to.stop
        return made[:, :done]
