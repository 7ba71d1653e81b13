"""What happens to clips on their way: coded anew, made smaller, cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from trustkit.errors import UnreadableError
from trustkit.media.film.look import look, opened
from trustkit.watermarks.trial.clips import ClipAttack
from trustkit.watermarks.trial.distortions import Rng

GROUP = "clips"
_HALF = 0.5**0.5  # of each side, for half the area

Change = Callable[[Any], Any]


def _same(frame: Any) -> Any:
    return frame.reformat(format="yuv420p")


def _half_size(frame: Any) -> Any:
    width, height = (max(2, side // 4 * 2) for side in (frame.width, frame.height))
    return frame.reformat(width=width, height=height, format="yuv420p", interpolation="AREA")


def _half_area(frame: Any) -> Any:
    width, height = (max(2, int(side * _HALF) // 2 * 2) for side in (frame.width, frame.height))
    x, y = (frame.width - width) // 4 * 2, (frame.height - height) // 4 * 2
    picture = frame.to_ndarray(format="rgb24")[y : y + height, x : x + width]
    cut = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return cut.reformat(format="yuv420p")


def _untouched(source: Path, target: Path, _: Rng) -> None:
    target.write_bytes(source.read_bytes())


def _recoded(source: Path, target: Path, _: Rng, crf: int, change: Change, rate: int = 1) -> None:
    """Write the picture alone, of every `rate`th frame, as H.264 of quality `crf`."""
    wanted = look(source).stream
    with opened(source) as film, av.open(str(target), "w") as out:
        picture, stream = film.streams[wanted], None
        for frame in _every(film.decode(picture), rate):
            changed = change(frame)
            if stream is None:
                options = {"crf": str(crf), "preset": "veryfast"}
                rate_told = (picture.average_rate or Fraction(25)) / rate
                stream = out.add_stream("libx264", rate=rate_told, options=options)
                stream.width, stream.height = changed.width, changed.height
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = frame.time_base
            changed.pts, changed.time_base, changed.pict_type = frame.pts, frame.time_base, 0
            out.mux(stream.encode(changed))
        if stream is None:
            raise UnreadableError(f"{source.name} has no frame")
        out.mux(stream.encode(None))


def _every(frames: Iterator[Any], step: int) -> Iterator[Any]:
    return (frame for number, frame in enumerate(frames) if number % step == 0)


def _attack(
    name: str, sentence: str, crf: int, change: Change = _same, rate: int = 1
) -> ClipAttack:
    apply = partial(_recoded, crf=crf, change=change, rate=rate)
    return ClipAttack(name, GROUP, sentence, apply, ".mkv")


CLIP_ATTACKS: tuple[ClipAttack, ...] = (
    ClipAttack("none", GROUP, "nothing: the marked clip itself", _untouched, ".mkv"),
    _attack("crf28", "coded anew as H.264 with crf 28", 28),
    _attack("crf35", "coded anew as H.264 with crf 35", 35),
    _attack("halfsize", "half its width and height, H.264 with crf 23", 23, _half_size),
    _attack("halfrate", "every second frame, H.264 with crf 23", 23, rate=2),
    _attack("crop50", "the middle 50 % of its area, H.264 with crf 23", 23, _half_area),
)
