"""Vorbis by libsndfile: FFmpeg's own encoder is poor, and knows two channels only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile

from trustkit.errors import PublishError
from trustkit.media.sound import Sound
from trustkit.media.sound.line import BLOCK
from trustkit.media.sound.waves import Samples

# libvorbis: bit/s a channel at 44.1 kHz in stereo, and the quality that gives them.
_QUALITIES = (
    *((32_000, 0.0), (40_000, 0.1), (48_000, 0.2), (56_000, 0.3), (64_000, 0.4), (80_000, 0.5)),
    *((96_000, 0.6), (112_000, 0.7), (128_000, 0.8), (160_000, 0.9), (250_000, 1.0)),
)
# Vorbis I, 4.3.9: where each of its channels stands among FFmpeg's.
_ORDERS = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}


class Vorbis:
    """Encodes samples into the Ogg file `fresh`."""

    def __init__(self, fresh: Path, sound: Sound, bit_rate: int) -> None:
        self._order = list(_ORDERS.get(sound.channels, range(sound.channels)))
        each = bit_rate / sound.channels
        quality = next((q for rate, q in _QUALITIES if rate >= each), _QUALITIES[-1][1])
        with _failing():
            self._file = soundfile.SoundFile(
                fresh,
                "w",
                samplerate=sound.rate,
                channels=sound.channels,
                format="OGG",
                subtype="VORBIS",
                compression_level=1.0 - quality,
            )

    def write(self, samples: Samples) -> None:
        """Take the next samples."""
        ordered = np.ascontiguousarray(samples[self._order].T)
        # What libsndfile is given at once it holds on its stack.
        with _failing():
            for begin in range(0, len(ordered), BLOCK):
                self._file.write(ordered[begin : begin + BLOCK])

    def end(self) -> None:
        """Write what the encoder holds back."""
        with _failing():
            self._file.close()


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except soundfile.SoundFileError as error:
        raise PublishError(f"the copy cannot be written: {error}", "nothing was written") from error
