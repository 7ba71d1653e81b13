"""Which encoder writes a film, with which options, and what of the film it cannot hold."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction

import av

from trustkit.errors import PublishError, UsageError
from trustkit.media.film import Colour, Film, Mastering, Settings

_X_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder as FFmpeg names it: usual quality, its largest number, usual preset, presets.

    The usual qualities are those at which a film looks as its source does: a copy that
    platforms will recompress should not be poor to begin with.
    """

    name: str
    crf: float
    worst: float
    preset: str
    presets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be encoded how, and what the publisher should know about it."""

    codec: str
    encoder: str
    pixels: str
    colour: Colour
    options: dict[str, str]
    warnings: tuple[str, ...]


ENCODERS = {
    "h264": Encoder("libx264", 18, 51, "medium", _X_PRESETS),
    "hevc": Encoder("libx265", 20, 51, "medium", _X_PRESETS),
    "vp9": Encoder("libvpx-vp9", 24, 63, "4", tuple(str(n) for n in range(9))),
    "av1": Encoder("libsvtav1", 24, 63, "8", tuple(str(n) for n in range(14))),
}
_ALIASES = {"h265": "hevc", "x264": "h264", "x265": "hevc", "avc": "h264"}

# The same samples in another order or under another name: nothing is lost.
_SAME = {
    **{f"yuvj{n}p": f"yuv{n}p" for n in (420, 422, 444, 440)},
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "nv24": "yuv444p",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "p010le": "yuv420p10le",
    "p012le": "yuv420p12le",
    "p210le": "yuv422p10le",
    "nv20le": "yuv422p10le",
}
_BT709 = 1  # the matrix by which RGB becomes luma and chroma
# Luma lies apart and from the lowest bit on: it can be changed where it stands.
_PLANAR = ("yuv4", "yuvj4", "gray", "nv12", "nv16")
_PACKED = ("grayf",)


def plan(film: Film, settings: Settings) -> Plan:
    """Return how `film` will be encoded; raises `UsageError` and `PublishError`."""
    asked = settings.codec.lower().replace(".", "")
    asked = _ALIASES.get(asked, asked)
    if asked and asked not in ENCODERS:
        raise UsageError(f"no codec {settings.codec}", f"there are {', '.join(ENCODERS)}")
    codec, warnings = asked or film.codec, []
    if codec not in ENCODERS:
        codec = _instead(film)
        warnings.append(f"its codec {film.codec} is not written here; the copy is {codec}")
    encoder, colour = ENCODERS[codec], film.colour
    pixels, is_kept = _pixels(film, encoder)
    if not is_kept:
        warnings.append(f"its pixels are {film.pixels}, those of the copy {pixels}")
        colour = replace(colour, matrix=_BT709, full=False)
    if film.interlaced and codec != "h264":
        warnings.append(f"it is interlaced, and {codec} is written without saying so")
    if (film.mastering or film.light) and codec == "vp9":
        warnings.append("its HDR mastering and light level metadata cannot be kept in vp9")
    options = _options(film, settings, codec, encoder)
    return Plan(codec, encoder.name, pixels, colour, options, tuple(warnings))


def changes_in_place(pixels: str) -> bool:
    """Return whether frames of these `pixels` have luma that can be changed where it stands."""
    return pixels.startswith(_PLANAR) and not pixels.startswith(_PACKED) and pixels[-2:] != "be"


def _instead(film: Film) -> str:
    if film.container == "webm":
        return "vp9"
    return next((codec for codec in ("h264", "hevc") if _held(film, ENCODERS[codec])), "h264")


def _held(film: Film, encoder: Encoder) -> str:
    can = {f.name for f in av.Codec(encoder.name, "w").video_formats or ()}
    opaque = film.pixels.replace("yuva", "yuv")  # that transparency is lost is told elsewhere
    names = (film.pixels, _SAME.get(film.pixels, ""), opaque)
    return next((name for name in names if name in can and changes_in_place(name)), "")


def _pixels(film: Film, encoder: Encoder) -> tuple[str, bool]:
    held = _held(film, encoder)
    if held:
        return held, True
    if film.pixels.startswith(("yuv", "p0", "p2", "gray")):
        # Fewer bits or less colour would be a poorer film: that is for the publisher to choose.
        others = [codec for codec, other in ENCODERS.items() if _held(film, other)]
        raise PublishError(
            f"{encoder.name} cannot hold its pixels, {film.pixels}",
            f"choose another codec: {', '.join(others)}" if others else "nothing was written",
        )
    can = {f.name for f in av.Codec(encoder.name, "w").video_formats or ()}
    best = "yuv444p" if "yuv444p" in can else "yuv420p"  # RGB, palettes
    deep = f"{best}10le"
    return (deep if film.depth > 8 and deep in can else best), False  # noqa: PLR2004  # bits


def _options(film: Film, settings: Settings, codec: str, encoder: Encoder) -> dict[str, str]:
    crf = encoder.crf if settings.crf is None else settings.crf
    if not 0 <= crf <= encoder.worst:
        raise UsageError(f"no crf {crf:g} in {codec}", f"it goes from 0 to {encoder.worst:g}")
    preset = settings.preset or encoder.preset
    if preset not in encoder.presets:
        known = ", ".join(encoder.presets)
        raise UsageError(f"no preset {preset} in {codec}", f"there are {known}")
    options = {"crf": f"{crf:g}"}
    if codec == "vp9":
        return options | {"cpu-used": preset, "deadline": "good", "row-mt": "1", "b": "0"}
    options["preset"] = preset
    if codec == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # it prints its settings on our stderr otherwise
        options["crf"] = f"{max(1, round(crf))}"
    hdr = _hdr(film, codec)
    if codec == "hevc":
        hdr = ["log-level=none", *(["hdr10=1"] if hdr else []), *hdr]
        options["a53cc"] = "1"
        if settings.threads:
            hdr += [f"pools={settings.threads}", f"frame-threads={min(settings.threads, 16)}"]
    if codec == "av1" and settings.threads:
        hdr.append(f"lp={settings.threads}")
    if hdr:
        name = {"h264": "x264-params", "hevc": "x265-params", "av1": "svtav1-params"}[codec]
        options[name] = ":".join(hdr)
    return options


def _hdr(film: Film, codec: str) -> list[str]:
    found = []
    if film.mastering:
        word = "master-display" if codec == "hevc" else "mastering-display"
        found.append(f"{word}={_display(film.mastering, codec)}")
    if film.light:
        word = {"h264": "cll", "hevc": "max-cll", "av1": "content-light"}[codec]
        found.append(f"{word}={film.light[0]},{film.light[1]}")
    return found


def _display(display: Mastering, codec: str) -> str:
    def text(value: Fraction, unit: int) -> str:
        return f"{float(value):.6f}" if codec == "av1" else f"{round(value * unit)}"

    def point(pair: tuple[Fraction, Fraction]) -> str:
        return f"({text(pair[0], 50000)},{text(pair[1], 50000)})"  # H.265 D.3.28: units of 0.00002

    dark, bright = (text(value, 10000) for value in display.luminance)
    points = zip("GBRW", (display.green, display.blue, display.red, display.white), strict=True)
    told = "".join(f"{name}{'P' if name == 'W' else ''}{point(pair)}" for name, pair in points)
    return f"{told}L({bright},{dark})"
