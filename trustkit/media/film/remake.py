"""A copy of a film whose luma was changed, with everything else as it stands.

Recipe: (1) look, and plan the encoding; (2) open a temporary file beside the target, with a
stream for each of the source's; (3) pump: packets of other streams go over as they are, frames of
the video are decoded, changed, encoded; (4) read the copy back against what went in; (5) let the
caller inspect it; (6) put it in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from trustkit.errors import PublishError, TrustkitError, UnreadableError
from trustkit.media.film import Change, Film, Inspect, Limits, Progress, Remade, Settings
from trustkit.media.film.check import Tally, Track, compare
from trustkit.media.film.encoders import Plan, changes_in_place, plan
from trustkit.media.film.frames import luma_of
from trustkit.media.film.look import LIMITS, look, opened, reason
from trustkit.media.film.tracks import (
    add_other,
    add_picture,
    container_for,
    container_options,
    kept,
    other_kind,
)
from trustkit.media.placing import place, temporary
from trustkit.media.streams import open_container

_IN_FRAMES = {
    "A53_CC": "its closed captions inside the picture are not kept",
    "DYNAMIC_HDR_PLUS": "its HDR10+ metadata cannot be kept",
}
_SHORTER = 1.0  # seconds that a header may promise too much
_KEEPS_CAPTIONS = {"h264", "hevc"}


def remake(
    source: Path,
    target: Path,
    change: Change,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    inspect: Inspect | None = None,
    limits: Limits = LIMITS,
) -> Remade:
    """Write a copy of the film `source` to `target`, which may be the same path.

    `change` is given the luma of each frame, in order, to change in place; `inspect` the finished
    file before it takes its name, to refuse it by raising. On any failure nothing is written.
    Raises `UnreadableError` for the film's faults, `UsageError` for those of `settings`,
    `PublishError` for the rest.
    """
    settings = settings or Settings()
    film = look(source, limits)
    came_in, film = film.container, replace(film, container=container_for(film, target))
    how = plan(film, settings)
    with temporary(target) as fresh:
        pump = _Pump(source, film, how, change, progress, limits)
        pump.tally.other_container = came_in != film.container
        with opened(source) as container, _written(fresh, film, container) as out:
            pump.connect(container, out, settings)
            pump.run(container, out)
        warnings = [*film.warnings, *how.warnings, *pump.warnings]
        expected = replace(film, pixels=how.pixels, colour=how.colour)
        warnings += compare(expected, pump.tally, fresh)
        if inspect:
            inspect(fresh)
        place(fresh, target, source)
    return Remade(how.codec, len(pump.tally.stamps), pump.done, tuple(dict.fromkeys(warnings)))


class _Pump:
    """From one container into the other, and a tally of what went through."""

    def __init__(
        self,
        source: Path,
        film: Film,
        how: Plan,
        change: Change,
        progress: Progress | None,
        limits: Limits,
    ) -> None:
        self.name, self.film, self.how = source.name, film, how
        self.change, self.progress, self.limits = change, progress, limits
        self.tally, self.warnings, self.done = Tally(base=film.time_base), list[str](), 0.0
        self._streams: dict[int, Any] = {}
        self._picture: Any = None
        self._ends = 0.0

    def connect(self, container: Any, out: Any, settings: Settings) -> None:
        """Make the copy's streams, in the source's order."""
        chapters = container.chapters()
        for stream in container.streams:
            if stream.index == self.film.stream:
                stream.thread_type = "AUTO"
                stream.codec_context.thread_count = settings.threads
                self._picture = add_picture(out, stream, self.film, self.how, settings)
                self.tally.picture = self._picture.index
                continue
            other, warning = add_other(out, stream, self.film, chapters=bool(chapters))
            if warning:
                self.warnings.append(warning)
            if other is not None:
                self._streams[stream.index] = other
                self.tally.others[other.index] = Track(other_kind(stream))
        out.metadata.update(kept(container.metadata))
        out.set_chapters(chapters)
        self.tally.metadata, self.tally.chapters = dict(container.metadata), chapters

    def run(self, container: Any, out: Any) -> None:
        """Move everything."""
        wanted = [container.streams[n] for n in (self.film.stream, *self._streams)]
        for packet in self._demuxed(container, wanted):
            # Not `packet.stream_index`: in the empty packets that end a stream it is always 0.
            if packet.stream.index == self.film.stream:
                for frame in self._decode(packet):
                    out.mux(self._picture.encode(self._changed(frame)))
            elif packet.size:
                self._copy(packet, out)
        if not self.tally.stamps:
            raise UnreadableError(f"{self.name} has no frame that can be decoded")
        begins = (container.start_time or 0) / av.time_base
        told = begins + (self.film.seconds or 0.0)
        if self._ends + _SHORTER < told:
            raise UnreadableError(
                f"{self.name} ends after {self._ends:.1f} of {told:.1f} seconds", "is it whole?"
            )
        out.mux(self._picture.encode(None))

    def _copy(self, packet: Any, out: Any) -> None:
        stream = self._streams[packet.stream.index]
        self.tally.others[stream.index].add(packet)
        packet.stream = stream
        out.mux(packet)

    def _demuxed(self, container: Any, wanted: list[Any]) -> Iterator[Any]:
        packets = container.demux(*wanted)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                raise self._damaged() from error
            if packet is None:
                return
            if packet.pts is not None:
                ends = (packet.pts + (packet.duration or 0)) * packet.time_base
                self._ends = max(self._ends, float(ends))
            yield packet

    def _decode(self, packet: Any) -> Any:
        if packet.is_corrupt:
            raise self._damaged()
        try:
            return packet.decode()
        except av.error.EOFError:
            return []
        except av.FFmpegError as error:
            raise self._damaged() from error

    def _changed(self, frame: Any) -> Any:
        film = self.film
        if frame.is_corrupt:
            raise self._damaged()
        if (frame.width, frame.height, frame.format.name) != (film.width, film.height, film.pixels):
            raise UnreadableError(f"{self.name} changes its size after {self.done:.1f} seconds")
        self._note(frame)
        stamp = frame.pts
        if stamp is None or (self.tally.stamps and stamp <= self.tally.stamps[-1]):
            raise UnreadableError(
                f"{self.name} has a frame without a time of its own after {self.done:.1f} seconds",
                "remux it first",
            )
        if frame.format.name == self.how.pixels or changes_in_place(frame.format.name):
            # The decoder still predicts from its own frame: that one must not change.
            frame.make_writable()
        if frame.format.name != self.how.pixels:
            frame = self._reformatted(frame)
        frame.pict_type = 0  # the source's choice of key frames is not the encoder's
        luma = luma_of(frame, full=self.how.colour.full)
        self.change(luma)
        self.tally.stamps.append(stamp)
        self.done = luma.seconds
        if self.done > self.limits.seconds or len(self.tally.stamps) > self.limits.frames:
            raise UnreadableError(f"{self.name} is longer than the limit")
        if self.progress:
            self.progress(self.done, film.seconds)
        return frame

    def _reformatted(self, frame: Any) -> Any:
        to = self.how.colour
        options: dict[str, Any] = {"dst_color_range": 2 if to.full else 1}
        if frame.format.is_rgb:
            options["dst_colorspace"] = to.matrix
        else:
            options["src_color_range"] = options["dst_color_range"]
        made = frame.reformat(format=self.how.pixels, **options)
        made.pts = frame.pts
        return made

    def _note(self, frame: Any) -> None:
        for data in frame.side_data:
            warning = _IN_FRAMES.get(data.type.name)
            if data.type.name == "A53_CC" and self.how.codec in _KEEPS_CAPTIONS:
                continue
            if warning and warning not in self.warnings:
                self.warnings.append(warning)

    def _damaged(self) -> TrustkitError:
        return UnreadableError(
            f"{self.name} is damaged after {self.done:.1f} seconds",
            "nothing was written; repair it or cut the place out",
        )


@contextmanager
def _written(fresh: Path, film: Film, container: Any) -> Iterator[Any]:
    options = container_options(film, container)
    try:
        with open_container(
            f"file:{fresh}", "w", format=film.container, container_options=options
        ) as out:
            yield out
    except (av.FFmpegError, ValueError) as error:
        raise PublishError(
            f"the copy cannot be written: {reason(error)}", "nothing was written"
        ) from error
