"""From clips to what the front end measures of their windows; kept in a folder, as it is slow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import voice_augment
from numpy.typing import NDArray
from voice_front import Front
from voice_splits import Row

from trustkit.detectors import Kind
from trustkit.detectors.card import AudioInput
from trustkit.detectors.trial.conditions import chance, choose
from trustkit.detectors.trial.opening import read_array
from trustkit.detectors.windows import listen

INPUT = AudioInput()
SPOILED = "spoiled-"  # and a number: another chance for every clip
_SEED = 1


@dataclass(frozen=True)
class Heard:
    """Windows: (n, width) numbers, and for each the number of its clip in the index."""

    numbers: NDArray[np.float32]
    clips: NDArray[np.int64]

    def of(self, rows: list[int]) -> Heard:
        """Return the windows of these clips alone."""
        kept = np.isin(self.clips, rows)
        return Heard(self.numbers[kept], self.clips[kept])


def together(parts: list[Heard]) -> Heard:
    """Return the windows of all parts."""
    return Heard(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.clips for part in parts]),
    )


def hear(rows: list[Row], folder: Path, kind: str, cache: Path, part: str = "") -> Heard:
    """Return the windows of every clip after `kind`: clean, a condition, or spoiled-N.

    A spoiled clip gives one of its windows, by chance. `part`: "third" of every third clip alone.
    """
    kept = cache / f"{kind}{part and '.'}{part}.npz"
    if kept.exists():
        with np.load(kept) as found:
            return Heard(found["numbers"], found["clips"])
    torch.set_num_threads(1)
    front = Front().eval()
    step = 3 if part else 1
    whole = together(
        [
            _heard(front, number, row, folder, kind)
            for number, row in enumerate(rows)
            if number % step == 0
        ]
    )
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(kept, numbers=whole.numbers, clips=whole.clips)
    return whole


def _heard(front: Front, number: int, row: Row, folder: Path, kind: str) -> Heard:
    sound = read_array(folder / row.file, Kind.AUDIO, INPUT.rate)
    if kind.startswith(SPOILED):
        random = np.random.default_rng([number, int(kind.removeprefix(SPOILED))])
        windows = listen(voice_augment.spoil(sound, random), INPUT).windows
        windows = (windows[random.integers(len(windows))],)
    else:
        (condition,) = choose(Kind.AUDIO, [kind])
        changed = condition.apply(sound, INPUT.rate, chance(_SEED, row.file, kind))
        windows = listen(np.asarray(changed, np.float32), INPUT).windows
    fed = torch.from_numpy(np.stack([window.samples for window in windows]))
    with torch.no_grad():
        numbers = front(fed).numpy()
    return Heard(numbers.astype(np.float32), np.full(len(numbers), number))
