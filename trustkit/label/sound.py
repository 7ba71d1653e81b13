"""Sounds: a spoken notice before the piece, and again now and then; the piece stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import numpy as np

from trustkit.asset import Asset
from trustkit.errors import PublishError
from trustkit.label import Label, Labelled, Progress
from trustkit.label.speech import ENGINE, spoken
from trustkit.label.words import sentence
from trustkit.media.film.look import is_cover, opened
from trustkit.media.sound import Block, Sound
from trustkit.media.sound.insert import Inserting
from trustkit.media.sound.line import Line
from trustkit.media.sound.look import look
from trustkit.media.sound.notice import PAUSE, fitted
from trustkit.media.sound.remake import remake
from trustkit.media.sound.samples import blocks

_MINUTE = 60.0
_SLACK = 0.15  # seconds: codecs begin with some silence
_ALIKE = 0.8  # correlation, from 0 to 1: what a codec of 48 kbit/s leaves of a voice is 0.95
_LOOKED_AT = 6  # notices that are listened to in the written file, spread over it


def label_sound(
    asset: Asset, target: Path, wish: Label, progress: Progress | None = None
) -> Labelled:
    """Write the sound with its notices to `target`; raises as `label_file`."""
    sound = _only(asset)
    lines = list[Inserting]()
    with _recordings(wish) as paths:
        notice = fitted(paths, asset.path, sound)

    def make_line(found: Sound, kind: np.dtype[np.generic]) -> Line:
        lines.append(Inserting(found, kind, notice, wish.minutes * _MINUTE))
        return lines[-1]

    def listen(fresh: Path) -> None:
        _listen(fresh, notice, lines[0].times, asset.name)

    made = remake(asset.path, target, _none, progress=progress, inspect=listen, make_line=make_line)
    with opened(asset.path) as container:
        late = bool(container.chapters())
    return Labelled(
        kind="audio",
        said=() if wish.notice else _said(wish),
        times=tuple((round(begin, 3), round(end - PAUSE, 3)) for begin, end in lines[0].times),
        voice=str(wish.notice.name if wish.notice else ENGINE),
        warnings=(*made.warnings, *(["its chapters tell of moments that are later now"] * late)),
    )


def _said(wish: Label) -> tuple[str, ...]:
    return tuple(sentence(wish.text, code) for code in wish.languages or ("en",))


@contextmanager
def _recordings(wish: Label) -> Iterator[Sequence[Path]]:
    if wish.notice is not None:
        yield [wish.notice]
        return
    with spoken(wish) as paths:
        yield paths


def _only(asset: Asset) -> Sound:
    """Return its one stream of sound; refuses what would no longer fit in time."""
    sounds = look(asset.path)
    if len(sounds) > 1:
        raise PublishError(
            f"{asset.name} has {len(sounds)} streams of sound, and one notice cannot be right for "
            "all",
            "nothing was written; label each by itself",
        )
    with opened(asset.path) as container:
        timed = [s.type for s in container.streams if s.type != "audio" and not is_cover(s)]
        chapters = bool(container.chapters())
    # QuickTime keeps chapters in a stream of text: it is written anew with them.
    if [kind for kind in timed if not (chapters and kind in {"data", "subtitle"})]:
        raise PublishError(
            f"{asset.name} has a {timed[0]} stream beside its sound, which would be too early",
            "nothing was written; take it out first",
        )
    return sounds[0]


def _listen(fresh: Path, notice: Block, times: Sequence[tuple[float, float]], name: str) -> None:
    sound = look(fresh)[0]
    wanted = notice.mean(axis=0)
    step = max(1, -(-len(times) // _LOOKED_AT))
    for begin, end in times[::step]:
        start = max(0.0, begin - _SLACK)
        length = end - start + _SLACK
        found = blocks(fresh, sound, start=start, seconds=length, mono=True)
        heard = np.concatenate(list(found), axis=1)[0]
        if _likeness(heard, wanted) < _ALIKE:
            raise PublishError(
                f"the notice cannot be heard in the written {name} at {begin:.1f} seconds",
                "nothing was written; please report this file",
            )


def _likeness(heard: Block, wanted: Block) -> float:
    """Return the best correlation of `wanted` with a part of what is heard, at most 1."""
    if len(heard) < len(wanted):
        heard = np.pad(heard, (0, len(wanted) - len(heard)))
    size = 1 << (len(heard) + len(wanted)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    places = len(heard) - len(wanted) + 1
    along = np.fft.irfft(product, size)[:places]
    # Against that part alone: what comes after the notice may be much louder.
    sums = np.concatenate([[0.0], np.cumsum(np.square(heard, dtype=np.float64))])
    energy = np.maximum(sums[len(wanted) :] - sums[:places], 1e-12)
    return float((along / np.sqrt(energy)).max() / max(1e-12, float(np.linalg.norm(wanted))))


def _none(_rate: int, _channels: int, _layout: str) -> NoReturn:
    raise AssertionError("its samples go through lines of ours")
