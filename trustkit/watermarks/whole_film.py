"""A film with its sound: one id in both, or in one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from trustkit.errors import PublishError, UnreadableError
from trustkit.media.film import Progress, Settings
from trustkit.media.sound import Settings as SoundSettings
from trustkit.media.sound.encoders import plan
from trustkit.media.sound.look import has_sound, look
from trustkit.watermarks import LEAST_SOUND, Part
from trustkit.watermarks.film import FilmEngine, MarkedFilm, mark_film
from trustkit.watermarks.sound import MarkedSound, WeakSoundError, mark_sound
from trustkit.watermarks.sound_reader import SoundEngine


@dataclass(frozen=True, slots=True)
class Wish:
    """Which parts are marked and how; `floor` in dB of the luma, the rest as in `mark_film`."""

    parts: frozenset[Part]
    settings: Settings | None
    floor: float
    allow_weak: bool
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class WholeFilm:
    """What was written; `payload` is what the picture carries, or the sound where it is alone."""

    payload: bytes
    film: MarkedFilm | None
    sound: MarkedSound | None
    warnings: tuple[str, ...]


def mark_whole_film(
    source: Path,
    target: Path,
    engine: FilmEngine,
    listener: SoundEngine,
    payload: bytes,
    wish: Wish,
) -> WholeFilm:
    """Write the film to `target`, which may be the same path; on any failure nothing.

    Sound that cannot be written, or would not hold a mark, stays as it is with a warning;
    where it alone was to be marked that is a refusal. Raises as `mark_film` and `mark_sound`.
    """
    insist = not wish.allow_weak
    if Part.PICTURE not in wish.parts:
        if why := _why_not(source):
            raise PublishError(f"{source.name}: {why}", "nothing was written")
        heard = mark_sound(source, target, listener, payload, progress=wish.progress, insist=insist)
        return WholeFilm(heard.payload, None, heard, heard.warnings)
    # Beside the target, as large as it; of the source's name, by which errors speak of it.
    with TemporaryDirectory(prefix=".trustkit-", dir=target.parent) as folder:
        between = Path(folder, f"{source.stem}{target.suffix}")
        # (1) The sound: packets of the picture go over as they are.
        sound, warnings = None, tuple[str, ...]()
        if Part.SOUND in wish.parts and has_sound(source):
            if why := _why_not(source):
                warnings = (f"its sound is left unmarked: {why}",)
            else:
                try:
                    sound = mark_sound(source, between, listener, payload, insist=insist)
                    warnings = sound.warnings
                except WeakSoundError as error:  # the picture holds the id
                    warnings = (f"its sound is left unmarked: {error.message}",)

        # (2) The picture: packets of the sound go over.
        film = mark_film(
            between if sound else source,
            target,
            engine,
            payload,
            wish.settings,
            floor=wish.floor,
            progress=wish.progress,
            insist=insist,
        )
    return WholeFilm(payload, film, sound, (*warnings, *film.warnings))


def _why_not(path: Path) -> str:
    """Return why the sound of a film cannot be marked, or nothing."""
    try:
        sounds = look(path)
        for sound in sounds:
            plan(sound, SoundSettings())
    except (UnreadableError, PublishError) as error:
        return error.message
    length = sounds[0].seconds
    if length is not None and length < LEAST_SOUND:
        return f"it is shorter than {LEAST_SOUND:g} seconds"
    return ""
