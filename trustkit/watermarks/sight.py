"""The marks of a file, for somebody who only looks: ours by several keys, and generators' words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from trustkit.asset import Asset, open_asset
from trustkit.errors import MissingBackendError, UnreadableError
from trustkit.media.colours import colours
from trustkit.media.pictures import TYPES, open_picture
from trustkit.watermarks import LEAST_SOUND, Mark, Part, Search
from trustkit.watermarks.files import NamedKey, kind_of, listener, open_engine, read_file
from trustkit.watermarks.foreign.published import Published, find, unjudged
from trustkit.watermarks.ripples.layout import NAME as SOUND
from trustkit.watermarks.tiles import Tiles
from trustkit.watermarks.tiles.layout import NAME as PICTURE

__all__ = ["ALGORITHMS", "AT_EASE", "SEARCH", "Limits", "Published", "Read", "Sight", "Unread"]

ALGORITHMS = {Part.PICTURE: PICTURE, Part.SOUND: SOUND}

SEARCH = Search.NORMAL
# Generators that write words make 1 to 4 megapixels, and no word outlives a change of size.
MAX_WORD_PIXELS = 8_000_000
# What decodes within the 2 GiB of address space that a worker has: WebP takes most, 1.4 GiB.
_PICTURE_PIXELS = 64_000_000
_FRAME_PIXELS = 4096 * 2304
_FOREVER = 1e9
_ANY_SIZE = 2**63


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture or a frame may be (pixels), and how long a film may be looked at."""

    picture_pixels: int = _PICTURE_PIXELS
    frame_pixels: int = _FRAME_PIXELS
    seconds: float = _FOREVER


AT_EASE = Limits(200_000_000, 8192 * 8192)  # for a publisher's own files, in no worker


@dataclass(frozen=True, slots=True)
class Unread:
    """Why no mark was looked for; `by_kind`: nothing of this kind, or so short, can have one."""

    reason: str
    by_kind: bool = False
    part: Part = Part.PICTURE


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: a mark, and the name of its key; None where no mark is readable."""

    mark: Mark | None
    key: str = ""
    part: Part = Part.PICTURE


class _OutOfTimeError(Exception):
    """A film or a sound took longer than it may."""


@dataclass(frozen=True)
class Sight:
    """Looks at files with engines that are made once; nothing of a file is kept."""

    keys: tuple[NamedKey, ...]
    limits: Limits = Limits()
    search: Search = SEARCH

    @cached_property
    def _engines(self) -> tuple[tuple[str, Tiles], ...]:
        return tuple((one.name, open_engine(key=one.key)) for one in self.keys)

    def marks(self, asset: Asset) -> Iterator[Read | Unread]:
        """Yield what was read of each part that can have our mark; raises only where it changed."""
        kind = _kind(asset)
        if kind == "audio":
            yield self._tried(asset, Part.SOUND, self._sound)
        elif kind == "video":
            yield self._tried(asset, Part.PICTURE, self._film)
            if has_sound(asset):
                yield self._tried(asset, Part.SOUND, self._sound)
        elif asset.media_type in TYPES:
            yield self._tried(asset, Part.PICTURE, self._picture)
        else:
            yield Unread(f"no engine reads marks in {asset.media_type}", by_kind=True)

    def _tried(
        self, asset: Asset, part: Part, how: Callable[[Asset], Read | Unread]
    ) -> Read | Unread:
        try:
            too_large = "" if part is Part.SOUND else self._too_large(asset)
            found = Unread(too_large) if too_large else how(asset)
            # The readers of films and sounds open the path anew.
            _refuse_changed(asset)
        except (UnreadableError, MissingBackendError) as error:
            _refuse_changed(asset)
            found = Unread(error.message)
        except MemoryError:
            found = Unread("it takes more memory than a file may take: limits.max_memory")
        return replace(found, part=part)

    def _picture(self, asset: Asset) -> Read | Unread:
        found = read_file(asset, self._engines, self.search)
        return Read(found.mark, found.key)

    def word(self, asset: Asset) -> Published | Unread | None:
        """Return a generator's published word in a picture; raises only where it has changed."""
        try:
            with asset.open() as stream:
                array = colours(stream, asset.media_type, asset.name, MAX_WORD_PIXELS)
            if array is None:
                return Unread(
                    f"words are looked for in the 8-bit colours of pictures of at most "
                    f"{MAX_WORD_PIXELS // 10**6} megapixels"
                )
            reason = unjudged(array)
            return Unread(reason) if reason else find(array)
        except UnreadableError as error:
            _refuse_changed(asset)
            return Unread(error.message)
        except MemoryError:
            return Unread("it takes more memory than a file may take: limits.max_memory")

    def _too_large(self, asset: Asset) -> str:
        if asset.kind == "video":
            sides = [asset.measures.get(side) for side in ("width", "height")]
            width, height = (side if isinstance(side, int) else 0 for side in sides)
            most, sizes = self.limits.frame_pixels, [(width, height)]
        else:
            with asset.open() as stream:
                facts = open_picture(stream, asset.media_type, asset.name).facts
            most, sizes = self.limits.picture_pixels, list(facts.sizes)
        largest = max((width * height for width, height in sizes), default=0)
        if largest <= most:
            return ""
        return (
            f"it has {largest / 1e6:.0f} megapixels, more than the {most / 1e6:.0f} looked through "
            "here; `trustkit watermark detect` reads it"
        )

    def _film(self, asset: Asset) -> Read | Unread:
        # PyAV is imported for films and sounds alone.
        from trustkit.watermarks.film import read_film

        for name, engine in self._engines:
            try:
                # The whole film on average: to look for a marked clip within it takes long.
                mark = read_film(
                    asset.path, engine, self.search, windows=False, progress=self._watch()
                )
            except _OutOfTimeError:
                return Unread(self._too_long("frames take", "look"))
            if mark is not None:
                bound = min(1.0, mark.false_positive_bound * len(self._engines))
                return Read(replace(mark, false_positive_bound=bound), name)
        return Read(None)

    def _sound(self, asset: Asset) -> Read | Unread:
        from trustkit.watermarks.sound_reader import read_sound

        engines = tuple((name, listener(engine)) for name, engine in self._engines)
        try:
            found = read_sound(asset.path, engines, self.search, progress=self._watch())
        except _OutOfTimeError:
            return Unread(self._too_long("sound takes", "listen"))
        if found.too_short:
            return Unread(f"it has less than {LEAST_SOUND:g} seconds of sound", by_kind=True)
        return Read(found.mark, found.key)

    def _watch(self) -> Callable[[float, float | None], None]:
        end = time.monotonic() + self.limits.seconds

        def watch(_at: float, _length: float | None) -> None:
            if time.monotonic() > end:
                raise _OutOfTimeError

        return watch

    def _too_long(self, what: str, how: str) -> str:
        return (
            f"its {what} more than {self.limits.seconds:.0f} seconds to {how} through; "
            "`trustkit watermark detect` has more time"
        )


def _kind(asset: Asset) -> str:
    try:
        return kind_of(asset)
    except UnreadableError:  # which the reader of films will say
        return asset.kind


def has_sound(asset: Asset) -> bool:
    """Tell whether a film has sound; a film that cannot be opened has none to be missed."""
    from trustkit.media.sound import look

    try:
        return look.has_sound(asset.path)
    except UnreadableError:
        return False


def _refuse_changed(asset: Asset) -> None:
    # Every collector must have seen one and the same file.
    if open_asset(asset.path, asset.name, _ANY_SIZE).stamp != asset.stamp:
        raise UnreadableError(
            f"{asset.name} changed while it was being read", "verify it again when it is at rest"
        )
