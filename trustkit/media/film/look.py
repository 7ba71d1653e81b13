"""What a film is, before it is worked on."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from trustkit.errors import UnreadableError
from trustkit.media.film import UNSPECIFIED, Colour, Film, Limits, Mastering
from trustkit.media.streams import open_container

LIMITS = Limits()

_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_HEAD = 300  # packets within which the first frame must come
_CONTAINERS = {"avi": "avi", "mpegts": "mpegts"}
_MP4_BRANDS = {"qt": "mov", "3gp": "3gp", "3g2": "3g2"}
_DYNAMIC = {
    "DYNAMIC_HDR_PLUS": "its HDR10+ metadata",
    "DYNAMIC_HDR_VIVID": "its HDR Vivid metadata",
    "AMBIENT_VIEWING_ENVIRONMENT": "its ambient viewing environment",
    "SPHERICAL": "the sign that it is a 360-degree film",
    "STEREO3D": "the sign that it is a 3D film",
    "ICC_PROFILE": "its ICC profile",
}
_PQ_OR_HLG = {16, 18}
_BT709_LIKE = {1, 6, 14, 15}


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a film or a sound to read; whatever is wrong with it raises `UnreadableError`."""
    try:
        # A playlist or concat script must not open other files or the network.
        options = {"protocol_whitelist": "file"}
        with open_container(
            f"file:{path}", options=options, metadata_errors="replace"
        ) as container:
            if container.format.name in _SCRIPTS:
                raise UnreadableError(f"{path.name} is a list of files, not one itself")
            yield container
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableError(
            f"{path.name} cannot be read: {reason(error)}", "is the file whole?"
        ) from error


_SCRIPTS = {"concat", "hls", "dash", "imf", "image2", "sdp", "rtsp"}


def reason(error: Exception) -> str:
    """Return what FFmpeg says, without numbers and call."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def look(path: Path, limits: Limits = LIMITS) -> Film:
    """Return what the film is; raises `UnreadableError` when there is none within `limits`."""
    with opened(path) as container:
        stream, warnings = _picture_stream(path, container)
        frame = first_frame(path, container, stream)
        if frame.width * frame.height > limits.pixels:
            raise UnreadableError(f"{path.name} has {frame.width}x{frame.height} pixels a frame")
        seconds = container.duration / av.time_base if container.duration else None
        if seconds and seconds > limits.seconds:
            raise UnreadableError(f"{path.name} is {seconds / 3600:.0f} hours long")
        side = {data.type.name: bytes(data) for data in frame.side_data}
        colour = _colour(frame, stream.codec_context)
        return Film(
            container=_container(container, path),
            codec=stream.codec_context.codec.canonical_name,
            width=frame.width,
            height=frame.height,
            pixels=frame.format.name,
            depth=frame.format.components[0].bits,
            colour=colour,
            time_base=frame.time_base,
            rate=stream.average_rate or stream.guessed_rate or Fraction(25),
            aspect=stream.sample_aspect_ratio or None,
            start=float((stream.start_time or 0) * stream.time_base),
            seconds=seconds,
            stream=stream.index,
            turned=_turned(side.get("DISPLAYMATRIX")),
            mastering=_mastering(side.get("MASTERING_DISPLAY_METADATA")),
            light=_light(side.get("CONTENT_LIGHT_LEVEL")),
            interlaced=frame.interlaced_frame,
            warnings=(*warnings, *_cannot_stay(path, side, frame, stream, colour)),
        )


def first_frame(path: Path, container: Any, stream: Any) -> Any:
    """Return the first frame of `stream`."""
    for count, packet in enumerate(container.demux(stream)):
        for frame in packet.decode():
            if frame.pts is not None and frame.time_base:
                return frame
        if count > _HEAD:
            break
    raise UnreadableError(f"{path.name} has no frame that can be decoded")


def is_cover(stream: Any) -> bool:
    """Return whether a video stream is a still picture that belongs to the film."""
    return bool(stream.disposition.value & 0x400)  # AV_DISPOSITION_ATTACHED_PIC


def has_picture(path: Path) -> bool:
    """Tell whether there is a moving picture, and not sound alone in a film's container."""
    with opened(path) as container:
        return any(not is_cover(stream) for stream in container.streams.video)


def _picture_stream(path: Path, container: Any) -> tuple[Any, list[str]]:
    streams = [s for s in container.streams.video if not is_cover(s) and s.codec_context]
    if not streams:
        raise UnreadableError(f"{path.name} has no video")
    several = f"of {len(streams)} video streams only the first carries the mark"
    return streams[0], [several] if len(streams) > 1 else []


def _container(container: Any, path: Path) -> str:
    name = container.format.name
    if "mp4" in name:
        brand = container.metadata.get("major_brand", "").strip().lower()
        return next((v for k, v in _MP4_BRANDS.items() if brand.startswith(k)), "mp4")
    if "matroska" in name:
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(64) else "matroska"
    return str(_CONTAINERS.get(name, name))


def _colour(frame: Any, context: Any) -> Colour:
    def told(name: str) -> int:
        value = int(getattr(frame, name, UNSPECIFIED))
        return int(getattr(context, name)) if value == UNSPECIFIED else value

    full = int(frame.color_range) == _FULL_RANGE or frame.format.name.startswith("yuvj")
    return Colour(told("color_primaries"), told("color_trc"), told("colorspace"), full)


def _turned(data: bytes | None) -> tuple[int, ...] | None:
    return struct.unpack("9i", data[:36]) if data else None


def _mastering(data: bytes | None) -> Mastering | None:
    # AVMasteringDisplayMetadata: primaries r, g, b and white as x, y; luminance least and most;
    # then whether either is there.
    if not data:
        return None
    numbers = struct.unpack("22i", data[:88])
    if not (numbers[20] and numbers[21]) or 0 in numbers[1:20:2]:
        return None
    f = [Fraction(numbers[i], numbers[i + 1]) for i in range(0, 20, 2)]
    return Mastering((f[0], f[1]), (f[2], f[3]), (f[4], f[5]), (f[6], f[7]), (f[8], f[9]))


def _light(data: bytes | None) -> tuple[int, int] | None:
    if not data:
        return None
    most, average = struct.unpack("2I", data[:8])
    return most, average


def _cannot_stay(
    path: Path, side: dict[str, bytes], frame: Any, stream: Any, colour: Colour
) -> Iterator[str]:
    for name, what in _DYNAMIC.items():
        if name in side:
            yield f"{what} cannot be kept"
    if "DOVI_METADATA" in side or "DOVI_RPU_BUFFER" in side:
        if colour.transfer not in _PQ_OR_HLG | _BT709_LIKE:
            raise UnreadableError(
                f"{path.name} is Dolby Vision without a picture that stands by itself",
                "mark the master it was made from",
            )
        yield "its Dolby Vision metadata cannot be kept; the HDR picture below it is"
    if "MASTERING_DISPLAY_METADATA" in side and not _mastering(side["MASTERING_DISPLAY_METADATA"]):
        yield "its mastering display metadata is incomplete and cannot be kept"
    if re.match(r"yuva|gbrap|rgba|bgra|argb|abgr|ya\d", frame.format.name) or (
        stream.metadata.get("alpha_mode") or stream.metadata.get("ALPHA_MODE")
    ):
        yield "its transparency is not kept"
