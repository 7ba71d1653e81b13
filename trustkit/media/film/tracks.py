"""The streams of the copy: one that is encoded anew, and those that go over as they are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from av.codec.context import Flags

from trustkit.errors import MissingBackendError, PublishError
from trustkit.media.film import Film, Settings
from trustkit.media.film.encoders import Plan
from trustkit.media.film.look import is_cover, opened

_BOXES = {"mp4", "mov", "3gp", "3g2"}
_BY_ENDING = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}

# What the container writes about itself, or what was true of the old packets only.
_OWN = {"encoder", "major_brand", "minor_version", "compatible_brands", "duration", "alpha_mode"}
_NO_DATE = "1970-01-01T00:00:00"  # how an empty date field is read
_COUNTED = ("_statistics", "bps", "number_of_")
# The iTunes-style names that FFmpeg writes without being told to write any name.
_KNOWN = {
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"),
    *("copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"),
    *("network", "keywords", "creation_time", "location", "track", "disc", "hd_video"),
    *("media_type", "rating", "season_number", "episode_sort", "compilation", "timecode"),
}
_NINE_TENTHS_GHZ = 1_000_000_000  # the finest clock that the mp4 boxes' 32 bits are good for


def container_for(film: Film, target: Path) -> str:
    """Return what kind of file the copy is: the source's, or for AVI and such the name's."""
    if film.container in _BY_ENDING.values() or film.container in _BOXES:
        return film.container
    kind = _BY_ENDING.get(target.suffix.lower())
    if kind is None:
        raise PublishError(f"{film.container} films are not written here", "name the copy .mkv")
    return kind


def container_options(film: Film, source: Any) -> dict[str, str]:
    """Return the muxer's options: the source's clock, and room for unusual metadata."""
    if film.container not in _BOXES:
        return {}
    options = {}
    if film.time_base.numerator == 1 and film.time_base.denominator < _NINE_TENTHS_GHZ:
        # The film's clock too: a stream's late start is counted in it.
        clock = str(film.time_base.denominator)
        options = {"video_track_timescale": clock, "movie_timescale": clock}
    has_cover = any(is_cover(stream) for stream in source.streams.video)
    # With that flag no cover is written, and a picture is more than a name.
    if not has_cover and any(name.lower() not in _KNOWN for name in kept(source.metadata)):
        options["movflags"] = "+use_metadata_tags"
    return options


def kept(metadata: dict[str, str]) -> dict[str, str]:
    """Return the metadata that the copy should have too."""
    return {
        name: value
        for name, value in metadata.items()
        if name.lower() not in _OWN
        and not name.lower().startswith(_COUNTED)
        and not value.startswith(_NO_DATE)
    }


def add_picture(out: Any, source: Any, film: Film, plan: Plan, settings: Settings) -> Any:
    """Add the stream that is encoded anew."""
    stream = out.add_stream(plan.encoder, rate=film.rate, options=plan.options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = film.width, film.height, plan.pixels
    context.time_base = film.time_base
    stream.time_base = film.time_base
    context.thread_count = settings.threads
    if film.aspect:
        context.sample_aspect_ratio = film.aspect
    context.color_primaries = plan.colour.primaries
    context.color_trc = plan.colour.transfer
    context.colorspace = plan.colour.matrix
    context.color_range = 2 if plan.colour.full else 1
    # A frame's own duration: of a film of varying rate the last one's is told nowhere else.
    context.flags |= Flags.frame_duration.value
    if (film.turned or film.interlaced) and not hasattr(stream, "set_display_matrix"):
        raise MissingBackendError(
            "this PyAV cannot write films that are turned or interlaced", "pip install 'av>=18.1'"
        )
    if film.interlaced and plan.codec == "h264":
        context.flags |= Flags.interlaced_dct.value | Flags.interlaced_me.value
        context.field_order = source.codec_context.field_order
    if plan.codec == "hevc" and film.container in _BOXES:
        context.codec_tag = "hvc1"  # Apple's players want it
    if film.turned:
        stream.set_display_matrix(film.turned)
    describe(stream, source)
    return stream


def add_other(out: Any, source: Any, film: Film, *, chapters: bool) -> tuple[Any, str]:
    """Add a stream that goes over as it is, or None and a warning, empty when nothing is lost."""
    if is_cover(source) and film.container == "matroska":
        return None, _attach(out, source)
    what = f"stream {source.index} ({source.type})"
    if source.type == "data":
        handler = source.metadata.get("handler_name", "").lower()
        if film.container in _BOXES and (
            (chapters and ("text" in handler or "sub" in handler)) or "timecode" in source.metadata
        ):
            return None, ""  # the muxer writes it anew, from the chapters and the time code
        if film.container in _BOXES and "gopro" not in handler:
            return None, f"{what} is of a kind that cannot be copied, and is left out"
    try:
        stream = out.add_stream_from_template(source, opaque=True)
    except ValueError as error:
        if source.type in {"data", "attachment"}:
            return None, f"{what} cannot be copied, and is left out"
        raise PublishError(
            f"{what} cannot be copied into a {film.container} file", "take it out first"
        ) from error
    describe(stream, source)
    return stream, ""


def _attach(out: Any, cover: Any) -> str:
    # FFmpeg reads Matroska's attached pictures as video, and would write them as such.
    with opened(Path(cover.container.name.removeprefix("file:"))) as container:
        stream = container.streams[cover.index]
        packet = next(container.demux(stream), None)
    name = cover.metadata.get("filename", "cover")
    if packet is None or not packet.size:
        return f"the attached picture {name} cannot be copied, and is left out"
    out.add_attachment(name, cover.metadata.get("mimetype", "image/jpeg"), bytes(packet))
    return ""


def other_kind(stream: Any) -> str:
    """Return what a stream is, as its counterpart in the copy must be too."""
    if is_cover(stream):
        return "cover"
    name = stream.codec_context.codec.canonical_name if stream.codec_context else ""
    return f"{stream.type} {name}".strip()


def describe(stream: Any, source: Any) -> None:
    """Give a stream of the copy the names, the language and the dispositions of the source's."""
    stream.disposition = source.disposition.value
    metadata = kept(source.metadata)
    if "name" in metadata:  # a QuickTime track's name is read under one name, written under another
        metadata.setdefault("title", metadata.pop("name"))
    stream.metadata.update(metadata)


def rescale(value: int, base: Fraction, to: Fraction) -> int:
    """Return a time stamp in another clock."""
    return round(value * base / to)
