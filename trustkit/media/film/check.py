"""Whether a copy holds what went into it: streams, packets, time stamps, tags, chapters."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from trustkit.errors import PublishError
from trustkit.media.film import Film
from trustkit.media.film.look import look, opened
from trustkit.media.film.tracks import kept, other_kind, rescale

_NEAR = Fraction(1, 100)  # HDR numbers are rounded to each codec's own units


@dataclass(slots=True)
class Track:
    """What went into a stream that was copied: how many packets, their sum, first and last time."""

    kind: str
    packets: int = 0
    sum: int = 0
    first: Fraction | None = None
    last: Fraction | None = None

    def add(self, packet: Any) -> None:
        """Count a packet."""
        if packet.size == 2 and bytes(packet) == b"\0\0":  # noqa: PLR2004  # an empty mov_text cue
            return  # muxers add and drop them
        self.packets += 1
        self.sum = zlib.crc32(packet, self.sum)
        if packet.pts is not None:
            at = packet.pts * packet.time_base
            self.first = at if self.first is None else self.first
            self.last = at


@dataclass(slots=True)
class Tally:
    """All that went in; two hours of time stamps are some 2 MB."""

    others: dict[int, Track] = field(default_factory=dict)  # by the copy's stream number
    stamps: array[int] = field(default_factory=lambda: array("q"))
    base: Fraction = Fraction(1, 1000)
    picture: int = 0  # the copy's stream number
    other_container: bool = False  # then packets may be wrapped anew, as ADTS sound is
    metadata: dict[str, str] = field(default_factory=dict)
    chapters: list[dict[str, Any]] = field(default_factory=list)


def compare(film: Film, tally: Tally, copy: Path) -> Iterator[str]:
    """Give a warning for all that the copy lacks; what no film may lack raises `PublishError`."""
    with opened(copy) as container:
        stamps, base, tracks = _read(container, tally)
        shift = _shift(tally, stamps, base)
        if shift:
            yield f"all streams of the copy start {float(shift):.3f} seconds later"
        for number, track in tally.others.items():
            if tally.other_container:
                track.sum = tracks[number].sum
            same_track(track, tracks[number], shift, base)
        yield from less_metadata(tally, dict(container.metadata))
        if len(container.chapters()) != len(tally.chapters):
            yield "its chapters are not all kept"
    yield from _other_tags(film, look(copy))


def _read(container: Any, tally: Tally) -> tuple[array[int], Fraction, dict[int, Track]]:
    tracks, there = counterparts(container, tally)
    stamps: array[int] = array("q")
    for packet in container.demux():
        if not packet.size:
            continue
        number = packet.stream.index
        if number == tally.picture:
            if packet.pts is not None and not packet.is_discard:
                stamps.append(packet.pts)
        elif number in there:
            tracks[there[number]].add(packet)
    base = container.streams[tally.picture].time_base
    return array("q", sorted(stamps)), base, tracks


def counterparts(container: Any, tally: Tally) -> tuple[dict[int, Track], dict[int, int]]:
    """Return empty tracks by their number of old, and which stream of the copy is which of them."""
    # In their order, but with others between: covers are read last, chapters may be a stream.
    tracks, there = {}, dict[int, int]()
    kinds = {s.index: other_kind(s) for s in container.streams if s.index != tally.picture}
    for number, track in tally.others.items():
        found = [n for n, kind in kinds.items() if kind == track.kind and n not in there]
        if not found:
            raise PublishError(f"the copy lacks the film's {track.kind}", "nothing was written")
        there[found[0]] = number
        tracks[number] = Track(track.kind)
    return tracks, there


def _shift(tally: Tally, stamps: array[int], base: Fraction) -> Fraction:
    if len(stamps) != len(tally.stamps):
        raise PublishError(
            f"the copy has {len(stamps)} frames, the film {len(tally.stamps)}",
            "nothing was written; please report this film",
        )
    moved = stamps[0] - rescale(tally.stamps[0], tally.base, base)
    for was, now in zip(tally.stamps, stamps, strict=True):
        if abs(now - rescale(was, tally.base, base) - moved) > (tally.base != base):
            raise PublishError(
                f"the frame at {float(was * tally.base):.3f} seconds would move",
                "nothing was written; please report this film",
            )
    return moved * base


def same_track(was: Track, now: Track, shift: Fraction, base: Fraction) -> None:
    """Refuse a copy of a stream that has other packets, or is not `shift` seconds later."""
    if (was.kind, was.packets, was.sum) != (now.kind, now.packets, now.sum):
        raise PublishError(f"the copy's {was.kind} differs from the film's", "nothing was written")
    slack = max(base, Fraction(1, 500))  # Matroska counts milliseconds
    for before, after in ((was.first, now.first), (was.last, now.last)):
        if before is None or after is None:
            continue
        if abs(after - before - shift) > slack:
            raise PublishError(
                f"the copy's {was.kind} would be {float(after - before - shift):.3f} seconds late",
                "nothing was written; please report this film",
            )


def less_metadata(tally: Tally, metadata: dict[str, str]) -> Iterator[str]:
    """Give a warning that names what the copy's `metadata` lacks."""
    there = {name.lower() for name in metadata}
    lost = sorted(name for name in kept(tally.metadata) if name.lower() not in there)
    if lost:
        yield f"metadata that this kind of file does not keep: {', '.join(lost)}"


def _other_tags(was: Film, now: Film) -> Iterator[str]:
    if (was.width, was.height) != (now.width, now.height) or was.turned != now.turned:
        raise PublishError("the copy is not of the film's size or rotation", "nothing was written")
    if now.pixels.replace("yuvj", "yuv") != was.pixels.replace("yuvj", "yuv"):
        yield f"the pixels of the copy are {now.pixels}, not {was.pixels}"
    if was.colour != now.colour:
        yield "its colour tags are not all kept"
    if (was.aspect or 1) != (now.aspect or 1):
        yield "its pixel aspect ratio is not kept"
    if was.interlaced != now.interlaced:
        yield "the copy does not say that it is interlaced"
    if was.light != now.light or not _near(was, now):
        yield "its HDR mastering or light level metadata is not kept"


def _near(was: Film, now: Film) -> bool:
    if was.mastering is None or now.mastering is None:
        return was.mastering is now.mastering
    return all(
        abs(a - b) <= _NEAR * max(abs(a), Fraction(1, 100))
        for name in ("red", "green", "blue", "white", "luminance")
        for a, b in zip(getattr(was.mastering, name), getattr(now.mastering, name), strict=True)
    )
