"""Sound through FFmpeg, in memory: decoded from files, coded and decoded again, filtered.

Sound is float32 of shape (channels, samples), from -1 to 1, at a rate in Hz.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from trustkit.errors import UnreadableError
from trustkit.media.streams import open_container

Sound = NDArray[np.float32]

RATE = 48_000  # Hz, what files are read at
MAX_SECONDS = 600  # of a file: ten minutes of stereo at 48 kHz are 230 MB
_STEREO = 2
_LAMBDA = 118  # FFmpeg's unit of global_quality: FF_QP2LAMBDA
_PIECE = 1 << 16  # samples a frame: filters of fixed latency work in place


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of FFmpeg with its container; `rates` are the Hz it takes, the first preferred.

    `bit_rate` is in bit/s; 0 leaves it to `options`.
    """

    name: str
    container: str
    bit_rate: int = 0
    options: tuple[tuple[str, str], ...] = ()
    rates: tuple[int, ...] = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)

    def missing(self) -> str:
        """Say why it cannot be used here; empty when it can."""
        try:
            av.codec.Codec(self.name, "w")
        except ValueError:
            return f"this build of FFmpeg has no encoder {self.name}"
        return ""


_OPUS_RATES = (48_000, 24_000, 16_000, 12_000, 8_000)


def mp3(kilobits: int) -> Codec:
    """Return MP3 of a constant bit rate in kbit/s."""
    return Codec("libmp3lame", "mp3", 1000 * kilobits)


def mp3_vbr(quality: int) -> Codec:
    """Return MP3 of a variable bit rate: LAME's -V 0 (best) to 9."""
    return Codec("libmp3lame", "mp3", options=(("global_quality", str(_LAMBDA * quality)),))


def aac(kilobits: int) -> Codec:
    """Return AAC-LC in ADTS, which does not tell how many samples its encoder put before."""
    return Codec("aac", "adts", 1000 * kilobits)


def opus(kilobits: int) -> Codec:
    """Return Opus for music and speech."""
    return Codec("libopus", "ogg", 1000 * kilobits, rates=_OPUS_RATES)


def coded(samples: Sound, rate: int, codec: Codec) -> tuple[Sound, int]:
    """Return what a codec leaves, at the rate it decodes to.

    Its delay is left as the container tells it: the sound may begin some 1,000 samples later and
    end as much later. Raises `ValueError` where the encoder does not take the sound.
    """
    at = rate if rate in codec.rates else codec.rates[0]
    file = io.BytesIO()
    try:
        with open_container(file, "w", format=codec.container) as out:
            stream = out.add_stream(codec.name, rate=at, layout=_layout(samples))
            stream.codec_context.options = dict(codec.options)
            if codec.bit_rate:
                stream.bit_rate = codec.bit_rate
            else:
                stream.codec_context.qscale = True
            for frame in _frames(resampled(samples, rate, at), at):
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        file.seek(0)
        return _decoded(file, None)
    except av.FFmpegError as error:
        raise ValueError(f"{codec.name} does not take it: {error.strerror}") from error


def filtered(samples: Sound, rate: int, filters: str) -> tuple[Sound, int]:
    """Return what FFmpeg's filters leave ("atempo=1.05,volume=0.5"), and its rate.

    Raises `ValueError` where they do not take the sound.
    """
    try:
        return _joined(_through(samples, rate, filters))
    except av.FFmpegError as error:
        raise ValueError(f"{filters} does not take it: {error.strerror}") from error


def _through(samples: Sound, rate: int, filters: str) -> Iterator[Any]:
    graph = Graph()
    graph.threads = 1  # one worker, one core
    layout = _layout(samples)
    nodes = [_source(graph, rate, layout)]
    for part in filters.split(","):
        name, _, arguments = part.partition("=")
        nodes.append(graph.add(name, arguments or None))
    planar = graph.add("aformat", f"sample_fmts=fltp:channel_layouts={layout}")
    graph.link_nodes(*nodes, planar, graph.add("abuffersink")).configure()
    for frame in _frames(samples, rate):
        graph.push(frame)
    graph.push(None)
    yield from _pulled(graph)


def resampled(samples: Sound, rate: int, wanted: int) -> Sound:
    """Return the sound at `wanted` Hz; what it cannot hold is filtered away first."""
    return samples if rate == wanted else filtered(samples, rate, f"aresample={wanted}")[0]


def read_sound(path: Path, rate: int | None = RATE) -> tuple[Sound, int]:
    """Return a file's first sound track, at `rate` Hz or at its own, and that rate.

    Raises `UnreadableError` for a file that has none, or more than `MAX_SECONDS` of it.
    """
    try:
        # A playlist must not open other files or the network.
        return _decoded(f"file:{path}", rate, options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or error
        raise UnreadableError(f"{path.name} has no sound that can be read: {what}") from error


def _decoded(file: Any, rate: int | None, **how: Any) -> tuple[Sound, int]:
    with open_container(file, **how) as container:
        if not container.streams.audio:
            raise ValueError("there is no sound in it")
        stream = container.streams.audio[0]
        channels = stream.codec_context.layout.name
        resampler = av.AudioResampler("fltp", channels, rate)
        return _joined(_resampled(container.decode(stream), resampler))


def _resampled(frames: Iterable[Any], resampler: Any) -> Iterator[Any]:
    seconds = 0.0
    for frame in chain(frames, [None]):  # None asks for what the resampler still holds
        for made in resampler.resample(frame):
            seconds += made.samples / made.sample_rate
            if seconds > MAX_SECONDS:
                raise ValueError(f"it is longer than {MAX_SECONDS} s")
            yield made


def _joined(frames: Iterable[Any]) -> tuple[Sound, int]:
    every = list(frames)
    if not every:
        raise ValueError("there is no sample in it")
    whole = np.concatenate([frame.to_ndarray() for frame in every], axis=1)
    return in_range(whole), int(every[0].sample_rate)


def in_range(samples: NDArray[Any]) -> Sound:
    """Return float32 cut off at -1 and 1, as files of integers cut it."""
    cut: Sound = np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)
    return cut


def _layout(samples: Sound) -> str:
    if samples.shape[0] > _STEREO:
        raise ValueError(f"{samples.shape[0]} channels are more than the attacks know")
    return "mono" if samples.shape[0] == 1 else "stereo"


def _source(graph: Graph, rate: int, layout: str) -> Any:
    return graph.add_abuffer(
        sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate)
    )


def _frames(samples: Sound, rate: int) -> Iterator[Any]:
    layout = _layout(samples)
    for start in range(0, samples.shape[1], _PIECE):
        piece = np.ascontiguousarray(samples[:, start : start + _PIECE])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start
        yield frame


def _pulled(graph: Graph) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except EOFError:
            return
