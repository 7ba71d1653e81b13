"""What the sound of a file is, before it is worked on."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from trustkit.errors import UnreadableError
from trustkit.media.film.look import opened
from trustkit.media.sound import Limits, Sound

LIMITS = Limits()

_HEAD = 300  # packets a stream within which its first frame must come
_BRANDS = {"qt": "mov", "3gp": "3gp", "3g2": "3g2"}
_STREAMINFO_BITS = 12  # FLAC, 8.2: after four numbers on sizes the rate, channels and bits
_NO_RATE = 1 << 31  # bit/s: a negative number read as a positive one
_ALAC_BITS = 17  # the cookie's box header of 12 bytes, frame length, version
_SAMPLE_BITS = {"u8": 8, "s16": 16, "s32": 32, "s64": 64, "flt": 32, "dbl": 64}
_LOSSLESS = {"flac", "alac", "wavpack", "tta", "truehd", "mlp", "ape", "wmalossless", "shorten"}
# mu-law and A-law hold 8 bits that are worth more: what they decode to is coded again as it was.
_PCM_BITS = re.compile(r"pcm_[a-z](\d+)")


def look(path: Path, limits: Limits = LIMITS) -> tuple[Sound, ...]:
    """Return what each audio stream is, in the file's order.

    Streams that cannot be decoded are left out. Raises `UnreadableError` when none is left, or
    one is beyond `limits`.
    """
    with opened(path) as container:
        streams = [s for s in container.streams.audio if s.codec_context]
        if not container.streams.audio:
            raise UnreadableError(f"{path.name} has no sound")
        if len(streams) > limits.streams:
            raise UnreadableError(f"{path.name} has {len(streams)} streams of sound")
        for stream in streams:
            _within(path, stream.codec_context.rate, stream.codec_context.channels, limits)
        frames = _first_frames(container, streams)
        sounds = [_sound(path, container, s, frames[s.index]) for s in streams if s.index in frames]
    if not sounds:
        raise UnreadableError(f"{path.name} has no sound that can be decoded", "is the file whole?")
    for sound in sounds:
        _within(path, sound.rate, sound.channels, limits)
        if sound.seconds and sound.seconds > limits.seconds:
            raise UnreadableError(f"{path.name} is {sound.seconds / 3600:.0f} hours long")
    return tuple(sounds)


def has_sound(path: Path) -> bool:
    """Tell whether a film has a stream of sound, whether it can be decoded or not."""
    with opened(path) as container:
        return bool(container.streams.audio)


def measured(path: Path, sound: Sound) -> Sound:
    """Return `sound` with its mean bit rate, counted through the whole file if it is not told."""
    if sound.bit_rate or sound.bits is not None:
        return sound
    size, seconds = 0, 0.0
    with opened(path) as container:
        for packet in container.demux(container.streams[sound.stream]):
            size += packet.size
            seconds += float((packet.duration or 0) * packet.time_base) if packet.size else 0.0
    return replace(sound, bit_rate=round(8 * size / seconds)) if seconds else sound


def _within(path: Path, rate: int, channels: int, limits: Limits) -> None:
    # Zeroes: the headers do not tell.
    if channels > limits.channels:
        raise UnreadableError(
            f"{path.name} has {channels} channels, more than {limits.channels}",
            "mix it down to 7.1 first",
        )
    if rate and not limits.lowest <= rate <= limits.highest:
        raise UnreadableError(
            f"{path.name} has {rate} samples a second, not {limits.lowest} to {limits.highest}",
            "resample it first",
        )


def _first_frames(container: Any, streams: list[Any]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    if not streams:
        return found
    for count, packet in enumerate(container.demux(*streams)):
        if packet.stream.index not in found:
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # what comes before the first frame may be anything
            if frames:
                found[packet.stream.index] = frames[0]
        if len(found) == len(streams) or count > _HEAD * len(streams):
            break
    return found


def _sound(path: Path, container: Any, stream: Any, frame: Any) -> Sound:
    context = stream.codec_context
    codec = context.codec.canonical_name
    seconds = float(stream.duration * stream.time_base) if stream.duration else None
    if seconds is None and container.duration:
        seconds = container.duration / av.time_base
    bits = _bits(codec, context, frame)
    return Sound(
        container=_container(container, path),
        codec=codec,
        rate=frame.sample_rate,
        channels=frame.layout.nb_channels,
        layout=_layout(frame.layout),
        format=frame.format.packed.name,
        bits=bits,
        stream=stream.index,
        time_base=stream.time_base,
        start=float((frame.pts or 0) * frame.time_base),
        seconds=seconds,
        bit_rate=_bit_rate(stream) if bits is None else None,
        profile=context.profile or "",
        language=stream.metadata.get("language", ""),
    )


def _container(container: Any, path: Path) -> str:
    name = str(container.format.name)
    if "mp4" in name:
        brand = container.metadata.get("major_brand", "").strip().lower()
        return next((v for k, v in _BRANDS.items() if brand.startswith(k)), "mp4")
    if "matroska" in name:
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(64) else "matroska"
    return {"aac": "adts"}.get(name, name)


def _layout(layout: Any) -> str:
    # What names no speakers is what everybody takes it for.
    usual = {"1 channels": "mono", "2 channels": "stereo"}
    return usual.get(layout.name, str(layout.name))


def _bits(codec: str, context: Any, frame: Any) -> int | None:
    told = _PCM_BITS.match(codec)
    if told:
        return int(told[1])
    extra = bytes(context.extradata or b"")
    if codec == "flac" and len(extra) > _STREAMINFO_BITS + 1:
        return (int.from_bytes(extra[_STREAMINFO_BITS : _STREAMINFO_BITS + 2], "big") >> 4 & 31) + 1
    if codec == "alac" and len(extra) > _ALAC_BITS:
        return extra[_ALAC_BITS]
    if codec.startswith("pcm_") or codec in _LOSSLESS:
        return _SAMPLE_BITS[frame.format.packed.name]
    return None


def _bit_rate(stream: Any) -> int | None:
    told = stream.metadata.get("BPS", "")  # Matroska's statistics
    rate = stream.codec_context.bit_rate or (int(told) if told.isdigit() else 0)
    return rate if 0 < rate < _NO_RATE else None
