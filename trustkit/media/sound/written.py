"""Where changed samples go: into a stream of a container, or in the place of the old ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from trustkit.errors import PublishError
from trustkit.media.film.look import reason
from trustkit.media.sound import Sound
from trustkit.media.sound.encoders import Plan
from trustkit.media.sound.line import Line
from trustkit.media.sound.waves import LAYOUTS, Samples, frame_of
from trustkit.media.streams import open_container


@contextmanager
def failing() -> Iterator[None]:
    """Say in words what FFmpeg cannot write."""
    try:
        yield
    except (av.FFmpegError, ValueError, OSError) as error:
        raise PublishError(
            f"the copy cannot be written: {reason(error)}", "nothing was written"
        ) from error


def file_at(fresh: Path) -> AbstractContextManager[Any]:
    """Open a file to be written by us."""
    return _closed(lambda: fresh.open("wb"))


def container_at(fresh: Path, kind: str, options: dict[str, str]) -> AbstractContextManager[Any]:
    """Open a file to be written by FFmpeg's muxer `kind`."""
    return _closed(
        lambda: open_container(f"file:{fresh}", "w", format=kind, container_options=options)
    )


@contextmanager
def _closed(opener: Callable[[], Any]) -> Iterator[Any]:
    with failing():
        out = opener()
    try:
        yield out
    except BaseException:
        with suppress(av.FFmpegError, ValueError, OSError):  # what stopped it matters more
            out.close()
        raise
    with failing():
        out.close()


class Encoded:
    """Encodes samples into a stream of `out`; with `line` at the times of the source."""

    def __init__(self, out: Any, sound: Sound, how: Plan, line: Line | None = None) -> None:
        self.stream = out.add_stream(how.encoder, rate=sound.rate, options=how.options)
        context = self.stream.codec_context
        context.layout, context.format = _layout(sound), _taken(how)
        if how.bit_rate:
            context.bit_rate = how.bit_rate
        self.stream.time_base = context.time_base = Fraction(1, sound.rate)
        self._out, self._sound, self._how, self._line, self._done = out, sound, how, line, 0
        self._last: int | None = None
        self._skips_first = sound.container == "adts"
        try:
            context.open()
        except (av.FFmpegError, ValueError) as error:
            raise PublishError(
                f"{how.codec} of {sound.rate} Hz in {sound.layout} cannot be written here",
                "nothing was written; convert it first",
            ) from error

    def write(self, samples: Samples) -> None:
        """Take the next samples, of the plan's kind."""
        sound = self._sound
        frame = frame_of(samples, self._how.kind, _layout(sound), sound.rate, self._done)
        self._done += samples.shape[1]
        with failing():
            self._mux(self.stream.encode(frame))

    def end(self) -> None:
        """Write what the encoder holds back."""
        with failing():
            self._mux(self.stream.encode(None))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if self._skips_first:
                # Nothing tells players of raw AAC to skip what the encoder begins with; and what
                # the source's own encoder began with is there already.
                self._skips_first = False
                continue
            if self._line is not None:
                at = round(self._line.time_of(packet.pts) / packet.time_base)
                # Where the source's times go back, ours cannot.
                self._last = at if self._last is None else max(at, self._last + 1)
                packet.dts = packet.pts = self._last
            self._out.mux(packet)


class Replaced:
    """Encodes PCM samples into `file`: bytes in the place of bytes, and as many."""

    def __init__(self, file: BinaryIO, sound: Sound, how: Plan) -> None:
        self._file, self._sound, self._kind = file, sound, how.kind
        self._coder = av.CodecContext.create(how.encoder, "w")
        self._coder.rate, self._coder.format = sound.rate, how.kind
        self._coder.layout, self._done = LAYOUTS[sound.channels], 0
        self._coder.time_base = Fraction(1, sound.rate)

    def write(self, samples: Samples) -> None:
        """Take the next samples."""
        sound = self._sound
        frame = frame_of(samples, self._kind, LAYOUTS[sound.channels], sound.rate, self._done)
        self._done += samples.shape[1]
        with failing():
            for packet in self._coder.encode(frame):
                self._file.write(packet)

    def end(self) -> None:
        """Do nothing: PCM holds nothing back."""


def _layout(sound: Sound) -> str:
    return LAYOUTS[sound.channels] if "channels" in sound.layout else sound.layout


def _taken(how: Plan) -> str:
    # PyAV converts: we always give packed samples.
    formats = [f.name for f in av.Codec(how.encoder, "w").audio_formats or ()]
    return how.kind if how.kind in formats or not formats else f"{how.kind}p"
