"""What the detectors say of a file: of its pixels, of its sound, of both where it is a film.

Nothing is decoded and no model loaded where a file's kind or size says that there is nothing to
judge. PyAV is imported for films and sounds alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from trustkit.asset import Asset, open_asset
from trustkit.detectors import Array, Kind, Part
from trustkit.detectors.panel import RATE, Judgement, Opinion, judge, not_checked
from trustkit.detectors.panelists import Panel, Seat, panel, sized
from trustkit.detectors.recheck import picture_again
from trustkit.errors import MissingBackendError, TrustkitError, UnreadableError
from trustkit.media.pictures import TYPES
from trustkit.media.rgb import rgb, size

FRAMES = 16  # of a film: with 0.3 s each the largest detector stays under 10 s
_FOREVER = 1e9
_ANY_SIZE = 2**63


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture or a frame may be (pixels), how many frames, how long it may take."""

    picture_pixels: int = 64_000_000  # as many as `verify` looks for marks in
    frame_pixels: int = 4096 * 2304
    frames: int = FRAMES
    seconds: float = _FOREVER


AT_EASE = Limits(200_000_000, 8192 * 4352)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the panel says of a file's pictures or of its sound.

    `parts` are the lead's scores over time, for a film's frames (seconds) and for a sound (seconds
    from and to); of a picture the places it looked at. `unusable` are detectors of this kind that
    are there and could not be asked, each with the reason. `trouble` is why a file that they are
    for could not be read.
    """

    kind: Kind
    judgement: Judgement
    parts: tuple[Part, ...] = ()
    unusable: tuple[tuple[str, str], ...] = ()
    trouble: TrustkitError | None = None


class _OutOfTimeError(Exception):
    """A file took longer than it may."""


@dataclass(frozen=True)
class Eyes:
    """Looks at files with detectors that are loaded once; nothing of a file is kept.

    `rate` is the share of false positives at which they may speak of indications; `device` is
    where models run, as in `models list`; with `names` only these detectors are asked.
    """

    rate: float = RATE
    limits: Limits = field(default_factory=Limits)
    device: str = "cpu"
    names: tuple[str, ...] = ()
    _panels: dict[Kind, Panel] = field(default_factory=dict, init=False, repr=False, compare=False)

    def panel(self, kind: Kind) -> Panel:
        """Return the detectors of a kind; what is on the shelf is looked at once."""
        if kind not in self._panels:
            self._panels[kind] = panel(kind, self.device, self.names)
        return self._panels[kind]

    def look(self, asset: Asset) -> Iterator[Looked]:
        """Yield an answer for each part of a file that could have one.

        What cannot be looked at is told as not checked. Raises `UnreadableError` only where the
        file changed meanwhile, and `ConfigError` where a model is not what its card says.
        """
        end = time.monotonic() + self.limits.seconds

        def watch() -> None:
            if time.monotonic() > end:
                raise _OutOfTimeError

        if asset.kind == "image":
            yield self._tried(asset, Kind.IMAGE, lambda seats: self._picture(asset, seats))
        elif asset.kind == "video" and not _is_sound_alone(asset):
            yield self._tried(asset, Kind.IMAGE, lambda seats: self._film(asset, seats, watch))
            if _has_sound(asset):
                yield self._tried(
                    asset,
                    Kind.AUDIO,
                    lambda seats: self._sound(asset, seats, watch, " in its sound"),
                )
        elif asset.kind in {"video", "audio"}:
            yield self._tried(asset, Kind.AUDIO, lambda seats: self._sound(asset, seats, watch, ""))
        else:
            why = f"no detector looks at {asset.media_type}"
            yield Looked(Kind.IMAGE, not_checked(Kind.IMAGE, why, self.rate))

    def _tried(
        self,
        asset: Asset,
        kind: Kind,
        how: Callable[[Sequence[Seat]], tuple[Judgement, tuple[Part, ...]]],
    ) -> Looked:
        there = self.panel(kind)
        trouble: TrustkitError | None = None
        if not there.seats:
            none = not_checked(kind, there.why_not, self.rate)
            return Looked(kind, none, unusable=there.unusable)
        try:
            judgement, parts = how(there.seats)
            # What reads films and sounds opens the path anew.
            _refuse_changed(asset)
        except (UnreadableError, MissingBackendError) as error:
            _refuse_changed(asset)
            trouble, why = error, error.message
        except _OutOfTimeError:
            why = f"it takes more than {self.limits.seconds:.0f} seconds to look through"
        except MemoryError:
            why = "it takes more memory than a file may take: limits.max_memory"
        else:
            return Looked(kind, judgement, parts, there.unusable)
        return Looked(kind, not_checked(kind, why, self.rate), (), there.unusable, trouble)

    def _picture(self, asset: Asset, seats: Sequence[Seat]) -> tuple[Judgement, tuple[Part, ...]]:
        small = sized(seats, *_size(asset))
        if small:
            return judge(small, self.rate), ()
        with asset.open() as stream:
            picture = rgb(stream, asset.media_type, asset.name, self.limits.picture_pixels)
        lead, opinions = seats[0], _opinions(seats, picture)
        answer = judge(opinions, self.rate, lambda: lead.score(picture_again(picture)))
        return answer, opinions[0].score.parts

    def _film(
        self, asset: Asset, seats: Sequence[Seat], watch: Callable[[], None]
    ) -> tuple[Judgement, tuple[Part, ...]]:
        from trustkit.detectors.film import judge_film, told
        from trustkit.media.film.look import look

        film = look(asset.path)
        if film.width * film.height > self.limits.frame_pixels:
            raise UnreadableError(
                f"its frames have {film.width * film.height / 1e6:.0f} megapixels, more than the "
                f"{self.limits.frame_pixels / 1e6:.0f} that are looked at"
            )
        answer, parts = judge_film(asset.path, film, seats, self.rate, self.limits.frames, watch)
        return told(answer), parts

    def _sound(
        self, asset: Asset, seats: Sequence[Seat], watch: Callable[[], None], where: str
    ) -> tuple[Judgement, tuple[Part, ...]]:
        from trustkit.detectors.heard import judge_sound

        return judge_sound(asset.path, seats, self.rate, watch, where)


def _opinions(seats: Sequence[Seat], array: Array) -> list[Opinion]:
    lead = Opinion(seats[0].member, seats[0].score(array))
    return [lead, *(seat.opinion(array) for seat in seats[1:])]


def _size(asset: Asset) -> tuple[int, int]:
    width, height = asset.measures.get("width"), asset.measures.get("height")
    if isinstance(width, int) and isinstance(height, int):
        return width, height
    if asset.media_type not in TYPES:
        raise UnreadableError(f"pictures of {asset.media_type} are not decoded here")
    with asset.open() as stream:
        return size(stream, asset.media_type, asset.name)


def _is_sound_alone(asset: Asset) -> bool:
    from trustkit.media.film.look import has_picture

    try:
        return not has_picture(asset.path)
    except UnreadableError:  # which the reader of films will say
        return False


def _has_sound(asset: Asset) -> bool:
    from trustkit.media.sound.look import has_sound

    try:
        return has_sound(asset.path)
    except UnreadableError:
        return False


def _refuse_changed(asset: Asset) -> None:
    # Every collector must have seen one and the same file.
    if open_asset(asset.path, asset.name, _ANY_SIZE).stamp != asset.stamp:
        raise UnreadableError(
            f"{asset.name} changed while it was being read", "verify it again when it is at rest"
        )
