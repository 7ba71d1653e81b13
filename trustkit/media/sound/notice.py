"""A recorded notice, made to fit a sound: its rate, its channels, its loudness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from trustkit.errors import ConfigError, TrustkitError
from trustkit.media.sound import Block, Sound
from trustkit.media.sound.look import look
from trustkit.media.sound.loudness import loudness
from trustkit.media.sound.samples import blocks

SHORTEST, LONGEST = 0.5, 60.0  # seconds
PAUSE = 0.4  # seconds of silence after each notice
_FADE = 0.005  # seconds, at both ends: no click
_LISTENED = 600.0  # seconds of a sound that are listened to, to tell how loud it is
_QUIET, _LOUD = -31.0, -14.0  # LUFS: within these the notice follows the sound
_USUAL = -23.0  # LUFS of a silent sound's notice: EBU R 128
_PEAK = 10 ** (-1 / 20)  # dBFS: no notice is louder
_LEAST = -60.0  # LUFS: below, there is nothing to hear in a notice


def fitted(paths: Sequence[Path], source: Path, sound: Sound) -> Block:
    """Return the notices at `paths`, one after the other, for the sound in `source`.

    In stereo it is on both sides, with more channels on the front left and right. Raises
    `ConfigError` for a notice that cannot be used.
    """
    pause = np.zeros((1, round(PAUSE * sound.rate)), np.float32)
    spoken = [part for path in paths for part in (_read(path, sound.rate), pause)]
    mono = np.concatenate(spoken, axis=1)
    made = np.zeros((sound.channels, mono.shape[1]), np.float32)
    made[:2] = mono
    wanted = loudness(blocks(source, sound, seconds=_LISTENED), sound.rate)
    wanted = _USUAL if math.isinf(wanted) else min(_LOUD, max(_QUIET, wanted))
    gain = 10 ** ((wanted - loudness([made], sound.rate)) / 20)
    gain = min(gain, _PEAK / float(np.abs(made).max()))
    return np.asarray(made * np.float32(gain), np.float32)


def _read(path: Path, rate: int) -> Block:
    try:
        sound = look(path)[0]
        most = round(LONGEST * rate)
        found = islice(blocks(path, sound, rate=rate, mono=True, seconds=LONGEST + 1), most)
        spoken = np.concatenate(list(found), axis=1)
    except (TrustkitError, ValueError) as error:
        message = error.message if isinstance(error, TrustkitError) else f"{path.name} is empty"
        raise ConfigError(
            f"the notice cannot be used: {message}", "name a recording, as WAV or any other sound"
        ) from error
    seconds = spoken.shape[1] / rate
    if not SHORTEST <= seconds <= LONGEST:
        length = f"more than {LONGEST:g}" if seconds > LONGEST else f"{seconds:.1f}"
        raise ConfigError(
            f"the notice {path.name} is {length} seconds long",
            f"from {SHORTEST:g} to {LONGEST:g} seconds is what people listen to",
        )
    if loudness([spoken], rate) < _LEAST:
        raise ConfigError(f"there is nothing to hear in the notice {path.name}", "record it anew")
    fade = np.linspace(0, 1, max(2, round(_FADE * rate)), dtype=np.float32)
    spoken[:, : len(fade)] *= fade
    spoken[:, -len(fade) :] *= fade[::-1]
    return spoken
