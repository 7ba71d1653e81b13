"""Media files by their kind: which engine is opened, how a file is marked, how it is read.

PyAV is imported for films and sounds alone; a file's manifest is not looked after here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from trustkit import plugins
from trustkit.asset import Asset, open_asset
from trustkit.errors import UnreadableError, UsageError
from trustkit.media.film import Progress, Settings
from trustkit.media.pictures import TYPES, open_picture
from trustkit.watermarks import LEAST_SOUND, Mark, Part, Plane, Search, Strength
from trustkit.watermarks.keys import PUBLIC, Key, read_key

if TYPE_CHECKING:
    from trustkit.watermarks.sound_reader import SoundRead
    from trustkit.watermarks.whole_film import WholeFilm

ENGINE, SOUND_ENGINE = "tiles", "ripples"
PUBLIC_NAME = "public"

# PSNR (dB) below which a film's luma is not changed: as far apart as the presets' targets are.
_FLOORS = {Strength.SUBTLE: 46.3, Strength.DEFAULT: 43.3, Strength.STRONG: 41.1}


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key, and what reports call it: `public`, or the name of its file."""

    name: str
    key: Key


BOTH = frozenset(Part)


@dataclass(frozen=True, slots=True)
class FileMarked:
    """What was written, and how far it is from what was read, before it is coded again.

    PSNR in dB, of a film that of the luma; SSIM of pictures alone; SNR in dB of the sound.
    `payload` is what the pixels carry, or of a sound file the samples; `sound` what the sound
    carries of it.
    """

    payload: bytes
    psnr: float | None
    ssim: float | None
    self_check: bool
    warnings: tuple[str, ...]
    snr: float | None = None
    sound: bytes | None = None


@dataclass(frozen=True, slots=True)
class FileRead:
    """The mark that was read, if any, and the name of the key that read it.

    Of a film `mark` is that of its pixels, or where these have none that of its sound, and `sound`
    is that of its sound; `unheard` says why that could not be read. `too_short`: there is too
    little sound to tell.
    """

    mark: Mark | None
    key: str = ""
    sound: Mark | None = None
    too_short: bool = False
    unheard: str = ""


def open_keys(names: Iterable[str]) -> tuple[NamedKey, ...]:
    """Return the keys in these files, `public` being the one that everybody has.

    No names: the public one. Raises `ConfigError`.
    """
    asked = list(dict.fromkeys(names)) or [PUBLIC_NAME]
    return tuple(
        NamedKey(name, PUBLIC if name == PUBLIC_NAME else read_key(Path(name))) for name in asked
    )


def open_engine(
    name: str = ENGINE, key: Key = PUBLIC, strength: Strength = Strength.DEFAULT
) -> Any:
    """Return an engine that serves pictures and films.

    Raises `MissingBackendError` for an unknown name and `UsageError` for an engine that knows
    arrays alone.
    """
    make = plugins.load("watermarks", name)
    if not hasattr(make, "observe"):
        raise UsageError(
            f"the engine {name} marks arrays, not files", "leave --engine out, or call it in Python"
        )
    return make(key=key, strength=strength)


def kind_of(asset: Asset) -> str:
    """Return the kind of `asset`; what is sound alone in a film's container is audio."""
    if asset.kind != "video":
        return asset.kind
    from trustkit.media.film.look import has_picture

    return "video" if has_picture(asset.path) else "audio"


def listener(engine: Any) -> Any:
    """Return the engine for sound with the key and the strength of one for pictures."""
    return plugins.load("watermarks", SOUND_ENGINE)(key=engine.key, strength=engine.strength)


def one_thread() -> None:
    """Keep OpenCV to one thread: a worker is given one core, and films have their encoder's."""
    cv2.setNumThreads(1)


def has_manifest(asset: Asset) -> bool:
    """Tell whether there is a manifest among a picture's parts, whether it can be read or not."""
    if asset.media_type not in TYPES:
        return False
    with asset.open() as stream:
        return open_picture(stream, asset.media_type, asset.name).facts.has_manifest


def mark_file(
    asset: Asset,
    target: Path,
    engine: Any,
    payload: bytes,
    *,
    settings: Settings | None = None,
    allow_weak: bool = False,
    progress: Progress | None = None,
    parts: frozenset[Part] = BOTH,
) -> FileMarked:
    """Write `asset`, marked, to `target`, which may be the same path; on a failure nothing.

    `settings` and `parts` are for films, `progress` for films and sounds. Raises
    `UnreadableError`, `PublishError`, and `UsageError` for settings that a codec does not have.
    """
    kind = kind_of(asset)
    if kind == "video":
        from trustkit.watermarks.whole_film import Wish, mark_whole_film

        wish = Wish(parts, settings, _FLOORS[engine.strength], allow_weak, progress)
        return _of_film(
            mark_whole_film(asset.path, target, engine, listener(engine), payload, wish)
        )
    if kind == "audio":
        from trustkit.watermarks.sound import mark_sound

        heard = mark_sound(
            asset.path, target, listener(engine), payload, progress=progress, insist=not allow_weak
        )
        return FileMarked(
            heard.payload,
            None,
            None,
            heard.self_check,
            heard.warnings,
            _told(heard.snr),
            heard.payload,
        )
    _check_kind(asset, "puts")
    from trustkit.watermarks.picture import mark_picture

    made = mark_picture(asset, target, engine, payload, allow_weak=allow_weak)
    return FileMarked(
        payload, _told(made.psnr), _told(made.ssim), made.self_check, tuple(made.warnings)
    )


def read_file(asset: Asset, engines: tuple[tuple[str, Any], ...], search: Search) -> FileRead:
    """Return the mark that one of the named engines reads; they share one decoding of the file.

    The bound of a mark counts every key and every page that could have been read. Raises
    `UnreadableError`.
    """
    several: Any = _Several(engines)
    kind = kind_of(asset)
    if kind == "video":
        from trustkit.media.sound.look import has_sound
        from trustkit.watermarks.film import read_film

        mark, heard, unheard = read_film(asset.path, several, search), None, ""
        if has_sound(asset.path):
            try:
                heard = _listened(asset, engines, search)
            except UnreadableError as error:
                unheard = error.message
        if heard and heard.too_short:
            unheard = f"it has less than {LEAST_SOUND:g} seconds of sound"
        sound = heard.mark if heard else None
        name = several.name if mark else heard.key if heard else ""
        return FileRead(mark or sound, name, sound, unheard=unheard)
    if kind == "audio":
        heard = _listened(asset, engines, search)
        return FileRead(heard.mark, heard.key, heard.mark, heard.too_short)
    _check_kind(asset, "reads")
    from trustkit.watermarks.picture import read_picture

    mark = read_picture(asset, several, search)
    if mark is None:
        return FileRead(None)
    bound = min(1.0, mark.false_positive_bound * several.reads)
    return FileRead(replace(mark, false_positive_bound=bound), several.name)


@dataclass(frozen=True, slots=True)
class FileReader:
    """The work of one process: reads one file after the other with engines that are made once."""

    engines: tuple[tuple[str, Any], ...]
    search: Search

    def __call__(self, task: tuple[Path, str]) -> FileRead:
        """Read the file at a path, called by its second; raises `UnreadableError`."""
        path, name = task
        try:
            return read_file(open_asset(path, name), self.engines, self.search)
        except OSError as error:
            raise UnreadableError(
                f"{name} cannot be read: {error.strerror or error}", "check its permissions"
            ) from error


def open_reader(name: str, keys: tuple[NamedKey, ...], search: Search) -> FileReader:
    """Make the work function of a process that reads marks; raises as `open_engine`."""
    one_thread()
    return FileReader(tuple((one.name, open_engine(name, one.key)) for one in keys), search)


def _of_film(made: WholeFilm) -> FileMarked:
    film, sound = made.film, made.sound
    checks = [film.mark is not None] if film else []
    checks += [sound.self_check] if sound else []
    return FileMarked(
        made.payload,
        film.psnr if film else None,
        None,
        all(checks),
        made.warnings,
        _told(sound.snr) if sound else None,
        sound.payload if sound else None,
    )


def _listened(asset: Asset, engines: tuple[tuple[str, Any], ...], search: Search) -> SoundRead:
    from trustkit.watermarks.sound_reader import read_sound

    return read_sound(asset.path, tuple((name, listener(e)) for name, e in engines), search)


class _Several:
    """Engines of one kind with different keys, as one that reads; the first that finds stays."""

    def __init__(self, engines: tuple[tuple[str, Any], ...]) -> None:
        self._engines, self._keys, self.reads, self.name = engines, len(engines), 0, ""

    def observe(self, luma: Plane) -> Plane:
        """See the engines: what is observed does not hang on the key."""
        plane: Plane = self._engines[0][1].observe(luma)
        return plane

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        """Read with one key after the other."""
        self.reads += 1
        for name, engine in self._engines:
            mark: Mark | None = engine.read(plane, search, size)
            if mark:
                self._engines, self.name = ((name, engine),), name
                return replace(
                    mark, false_positive_bound=min(1.0, mark.false_positive_bound * self._keys)
                )
        return None


def _check_kind(asset: Asset, does: str) -> None:
    if asset.media_type in TYPES:
        return
    what = "audio" if asset.kind == "audio" else asset.media_type
    raise UnreadableError(
        f"{asset.name}: no engine {does} marks in {what} yet",
        "see docs/watermark.md for the formats that can be marked",
    )


def _told(value: float) -> float | None:
    return value if math.isfinite(value) else None
