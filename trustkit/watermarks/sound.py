"""The mark is put into sound: of sound files, and of films' tracks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trustkit.errors import PublishError
from trustkit.media.sound import Block, Changer, Progress, Settings
from trustkit.media.sound.look import look
from trustkit.media.sound.remake import remake
from trustkit.media.sound.samples import blocks
from trustkit.watermarks import LEAST_SOUND, Plane, Search
from trustkit.watermarks.sound_reader import STRETCH, SoundEngine, rows_of

LONG_FROM = 30.0  # seconds: from here on a sound carries the whole id, before only its end
SHORT_BYTES = 4

_PHONE, _NOISE = 8000, 20.0  # Hz; dB below the sound: what the self-check makes of a copy


class WeakSoundError(PublishError):
    """The mark would not hold in this sound."""


@dataclass(frozen=True, slots=True)
class MarkedSound:
    """What was written: `payload` as it is carried, and SNR in dB before it is coded again.

    `self_check`: the written file was also read as a telephone in a noisy place would give it.
    """

    payload: bytes
    snr: float
    codec: str
    self_check: bool
    warnings: tuple[str, ...]


def carried(payload: bytes, seconds: float | None) -> bytes:
    """Return what a sound of `seconds` carries of `payload`: all, or the last 4 bytes."""
    whole = seconds is not None and seconds >= LONG_FROM
    return payload if whole else payload[-SHORT_BYTES:]


def mark_sound(
    source: Path,
    target: Path,
    engine: SoundEngine,
    payload: bytes,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    insist: bool = True,
) -> MarkedSound:
    """Write the sound, or the film, with marked sound to `target`; raises as `remake` does.

    The mark is read back from the file before it takes its name. Where it would not hold nothing
    is written and `WeakSoundError` raised, unless `insist` is False.
    """
    first = look(source)[0]
    payload = carried(payload, first.seconds)
    meters: list[_Meter] = []
    reasons: list[str] = []

    def make(rate: int, channels: int, _layout: str) -> Changer:
        meters.append(_Meter(engine.marker(payload, rate, channels)))
        return meters[-1]

    def read_back(fresh: Path) -> None:
        reasons.append(_why_unread(fresh, engine, payload))
        if insist and reasons[-1]:
            raise WeakSoundError(
                f"the mark in {source.name} would not hold: {reasons[-1]}",
                "nothing was written; --allow-weak marks it all the same",
            )

    made = remake(source, target, make, settings, progress=progress, inspect=read_back)
    weak = (f"the mark of its sound is weak: {reasons[0]}",) if reasons[0] else ()
    worst = min(meter.snr for meter in meters)
    return MarkedSound(payload, worst, made.codec, not reasons[0], (*made.warnings, *weak))


def _why_unread(path: Path, engine: SoundEngine, payload: bytes) -> str:
    """Return how the mark can no longer be read, or nothing; of a long file its middle is asked."""
    sound = look(path)[0]
    length = STRETCH
    start = max(0.0, ((sound.seconds or 0.0) - length) / 2)
    rows = np.concatenate(list(rows_of(path, sound, engine, start, length)))
    if engine.seconds_of_sound(rows) < LEAST_SOUND:
        return f"it has less than {LEAST_SOUND:g} seconds of sound"
    if not _reads(engine, rows, payload):
        return "it cannot be read in the written file"
    over = np.concatenate(
        list(blocks(path, sound, rate=_PHONE, mono=True, start=start, seconds=length)), axis=1
    )
    # Seeded, so that a file that was refused is refused again.
    noise = np.random.default_rng(1).standard_normal(over.shape, np.float32)
    level = float(np.sqrt(np.mean(np.square(over)))) * 10 ** (-_NOISE / 20)
    ear = engine.ear(_PHONE)
    heard = np.concatenate([ear.hear(over + noise * np.float32(level)), ear.rest()])
    return (
        "" if _reads(engine, heard, payload) else "it cannot be read over a telephone, with noise"
    )


def _reads(engine: SoundEngine, rows: Plane, payload: bytes) -> bool:
    mark, _ = engine.reading(rows, Search.NORMAL)
    return mark is not None and mark.payload == payload


class _Meter:
    """A changer, and how loud its changes are against the sound."""

    def __init__(self, changer: Changer) -> None:
        self._changer = changer
        self._waiting: Block | None = None
        self._sound = self._change = 0.0

    @property
    def snr(self) -> float:
        """The sound's energy over that of the changes, in dB."""
        if not self._change:
            return math.inf
        return 10 * math.log10(max(self._sound, 1e-30) / self._change)

    def feed(self, block: Block) -> Block:
        """See `Changer`."""
        waiting = block if self._waiting is None else np.concatenate([self._waiting, block], axis=1)
        return self._counted(waiting.copy(), self._changer.feed(block))

    def flush(self) -> Block:
        """See `Changer`."""
        done = self._changer.flush()
        return done if self._waiting is None else self._counted(self._waiting, done)

    def _counted(self, waiting: Block, done: Block) -> Block:
        before = waiting[:, : done.shape[1]]
        self._sound += float(np.sum(np.square(before, dtype=np.float64)))
        self._change += float(np.sum(np.square(done - before, dtype=np.float64)))
        self._waiting = waiting[:, done.shape[1] :]
        return done
