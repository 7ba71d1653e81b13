"""A sound with a notice before it, and again now and then: its own samples stay what they are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from trustkit.errors import UnreadableError
from trustkit.media.sound import Block, Sound
from trustkit.media.sound.line import Heard, Line
from trustkit.media.sound.waves import Samples, as_floats, as_samples

_SEARCH = 4.0  # seconds within which the quietest moment is looked for
_MOMENT = 0.05  # seconds


class Inserting(Line):
    """Gives a stream's samples as they came, with `notice` (channels, n) put in between.

    The first notice comes before the first sample, the others after every `every` seconds (0:
    never), at the quietest moment of the four that follow; none where the sound ends within these.
    """

    def __init__(self, sound: Sound, kind: np.dtype[Any], notice: Block, every: float) -> None:
        self.heard = Heard(sound.rate)
        self.times: list[tuple[float, float]] = []
        self._sound, self._kind = sound, kind
        self._bits = sound.bits or 8 * kind.itemsize
        self._notice, self.clipped = as_samples(notice, kind, self._bits)
        self._every = round(every * sound.rate)
        self._due: int | None = 0  # which of the source's samples the next notice comes before
        self._in = self._out = 0  # samples that came, and that were taken on
        self._held = np.zeros((sound.channels, 0), kind)

    @property
    def fed(self) -> int:
        """How many samples came in."""
        return self._in

    def put(self, samples: Samples, time: Fraction | None) -> Iterator[Samples]:
        """Take samples, and give what is done."""
        del time  # nothing of the source is where it was
        self._in += samples.shape[1]
        self._held = np.concatenate([self._held, self._like(samples)], axis=1)
        yield from self._ready()

    def end(self) -> Iterator[Samples]:
        """Give the rest."""
        if self._held.shape[1]:
            yield from self._pass(self._held.shape[1])

    def time_of(self, sample: int) -> Fraction:
        """Return when a sample of the copy sounds."""
        return Fraction(sample, self._sound.rate)

    def _ready(self) -> Iterator[Samples]:
        while self._held.shape[1]:
            if self._due is None:
                yield from self._pass(self._held.shape[1])
                return
            before = self._due - self._out
            if before > 0:
                yield from self._pass(min(before, self._held.shape[1]))
                continue
            search = round(_SEARCH * self._sound.rate) if self._due else 0
            if self._held.shape[1] < search:
                return
            if search:
                yield from self._pass(self._quietest(self._held[:, :search]))
            yield self._inserted()
            self._due = self._due + self._every if self._every else None

    def _quietest(self, samples: Samples) -> int:
        size = max(1, round(_MOMENT * self._sound.rate))
        power = np.square(as_floats(samples)).mean(axis=0, dtype=np.float64)
        whole = len(power) // size * size
        return int(np.argmin(power[:whole].reshape(-1, size).mean(axis=1))) * size + size // 2

    def _inserted(self) -> Samples:
        rate, length = self._sound.rate, self._notice.shape[1]
        begin = self.heard.samples
        self.times.append((begin / rate, (begin + length) / rate))
        self.heard.add(self._notice)
        return self._notice

    def _pass(self, count: int) -> Iterator[Samples]:
        done, self._held = self._held[:, :count], self._held[:, count:]
        self._out += done.shape[1]
        if done.shape[1]:
            self.heard.add(done)
            yield done

    def _like(self, samples: Samples) -> Samples:
        if samples.dtype.kind == "f" and not np.isfinite(samples).all():
            raise UnreadableError(
                f"a sample before {self._in / self._sound.rate:.1f} seconds is no number",
                "nothing was written; repair it or cut the place out",
            )
        if samples.dtype == self._kind:
            return samples
        made, clipped = as_samples(as_floats(samples), self._kind, self._bits)
        self.clipped += clipped
        return made
