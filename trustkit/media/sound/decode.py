"""From packets to frames: as long as the container says, and nothing silently missing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from trustkit.errors import UnreadableError
from trustkit.media.film.look import reason
from trustkit.media.sound import Damaged, Sound
from trustkit.media.sound.waves import Samples, samples_of

_DAMAGED_RUN = 200  # packets in a row without a frame before a sound is given up
_CROWDED = 8  # planar channels of which PyAV (18.1) would read past the last
_ONE_AFTER_ANOTHER = {"mp3", "adts"}  # nothing but packets from the first to the last
_WITHOUT_GAPS = {"ogg", "flac"}  # where time leaps, something was lost
_FINE = Fraction(1, 8000)  # seconds
_LEAP = Fraction(1, 20)  # seconds
_SILENT = {"u8": "u1", "flt": "f4", "dbl": "f8"}
_SILENCE = 10  # seconds that stand in for what was lost, at most


class Decoder:
    """Decodes one stream's packets.

    Without `damaged` a packet in the middle that cannot be decoded raises `UnreadableError`. With
    it such a packet is told there, and silence stands in for it. What cannot be decoded before
    the first frame or after the last is no sound, and only counted, in `stray`.
    """

    def __init__(self, name: str, sound: Sound, damaged: Damaged | None = None) -> None:
        self.stray = 0
        self.first: Fraction | None = None  # seconds
        self._name, self._sound, self._damaged = name, sound, damaged
        self._done = self._bad = 0
        self._ends: int | None = None  # where the last packet did, in bytes
        self._held: Any = None
        self._packed: Any = None

    def decode(self, packet: Any) -> Iterator[tuple[Samples, Fraction | None]]:
        """Give the packet's samples and their time in seconds; an empty packet ends the stream."""
        if packet.size and self._is_apart(packet):
            yield from self._broken(packet, 0)
        try:
            frames = packet.decode()
        except av.error.EOFError:
            frames = []
        except av.FFmpegError:
            yield from self._broken(packet, self._length(packet))
            return
        for frame in frames:
            yield from self._release()
            if (self._bad or frame.is_corrupt) and self.first is not None:
                self._forgive()
            if self.first is None:
                self.first = self._time(frame) or Fraction(0)
            self.stray, self._bad, self._held = self.stray + self._bad, 0, frame
        if not packet.size:
            yield from self.finish()

    def finish(self) -> Iterator[tuple[Samples, Fraction | None]]:
        """Give what is left where no empty packet ended the stream."""
        yield from self._release(last=True)
        self.stray, self._bad = self.stray + self._bad, 0

    def _release(self, *, last: bool = False) -> Iterator[tuple[Samples, Fraction | None]]:
        frame, self._held = self._held, None
        if frame is None:
            return
        if (frame.sample_rate, frame.layout.nb_channels) != (
            self._sound.rate,
            self._sound.channels,
        ):
            raise UnreadableError(
                f"{self._name} changes its rate or channels after {self._seconds():.1f} seconds",
                "convert it to one rate and layout first",
            )
        samples = self._samples(frame)
        if last and frame.duration and frame.time_base <= _FINE:
            # An MP4's last frame ends where its packet does; Matroska's times are too coarse.
            samples = samples[:, : round(frame.duration * frame.time_base * frame.sample_rate)]
        yield from self._leapt(frame)
        self._done += samples.shape[1]
        yield samples, self._time(frame)

    def _leapt(self, frame: Any) -> Iterator[tuple[Samples, Fraction | None]]:
        time = self._time(frame)
        if self._sound.container not in _WITHOUT_GAPS or time is None or self.first is None:
            return
        leap = time - self.first - Fraction(self._done, self._sound.rate)
        if leap > _LEAP:
            self._forgive()
            yield from self._silent(round(leap * self._sound.rate))

    def _samples(self, frame: Any) -> Samples:
        if frame.format.is_planar and frame.layout.nb_channels >= _CROWDED:
            kind = frame.format.packed.name
            self._packed = self._packed or av.AudioResampler(format=kind)
            (frame,) = self._packed.resample(frame)
        return samples_of(frame)

    def _broken(self, packet: Any, length: int) -> Iterator[tuple[Samples, Fraction | None]]:
        self._bad += 1
        if self._damaged is None or self.first is None:
            return
        yield from self._release()
        yield from self._silent(length)
        if self._bad > _DAMAGED_RUN:
            raise UnreadableError(f"{self._name} is damaged", "is the file whole?")

    def _silent(self, length: int) -> Iterator[tuple[Samples, Fraction | None]]:
        if self._damaged is not None:
            self._damaged(self._seconds())
        self._done += length
        kind = np.dtype(_SILENT.get(self._sound.format, "i4"))
        shape = self._sound.channels, min(length, _SILENCE * self._sound.rate)
        yield np.full(shape, 128 * (kind == np.uint8), kind), None

    def _forgive(self) -> None:
        if self._damaged is None:
            raise UnreadableError(
                f"{self._name} is damaged after {self._seconds():.1f} seconds",
                "nothing was written; repair it or cut the place out",
            )

    def _is_apart(self, packet: Any) -> bool:
        if self._sound.container not in _ONE_AFTER_ANOTHER or packet.pos is None:
            return False
        apart = self._ends is not None and packet.pos > self._ends
        self._ends = packet.pos + packet.size
        return apart

    def _length(self, packet: Any) -> int:
        if not packet.duration:
            return 0
        length: int = round(packet.duration * packet.time_base * self._sound.rate)
        return min(self._sound.rate, length)

    def _seconds(self) -> float:
        return self._done / self._sound.rate

    @staticmethod
    def _time(frame: Any) -> Fraction | None:
        return None if frame.pts is None else frame.pts * frame.time_base


def packets_of(
    container: Any, streams: list[Any], name: str, damaged: Damaged | None
) -> Iterator[Any]:
    """Give the packets of `streams`; damage that stops the demuxer ends them, or raises."""
    packets = container.demux(*streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            if damaged is None:
                raise UnreadableError(
                    f"{name} is damaged: {reason(error)}", "nothing was written"
                ) from error
            return
        if packet is None:
            return
        yield packet
