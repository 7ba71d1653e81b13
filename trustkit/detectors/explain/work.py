"""The work of one process: what detectors say of one file after the other, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from trustkit.asset import Asset, open_asset
from trustkit.detectors import Kind
from trustkit.detectors.explain.why import Why, explain
from trustkit.detectors.files import AT_EASE, Eyes, Limits, Looked
from trustkit.detectors.session import CPU, devices
from trustkit.detectors.shelf import entry
from trustkit.errors import ConfigError, TrustkitError, UnreadableError
from trustkit.media.pictures import TYPES


@dataclass(frozen=True, slots=True)
class Wish:
    """Which detectors are asked (none named: all), where they run, and what they are held to.

    A film or a sound is given up after `seconds`.
    """

    names: tuple[str, ...] = ()
    device: str = CPU
    rate: float = 0.01
    seconds: float = 100.0
    explains: bool = False


@dataclass(frozen=True, slots=True)
class Detected:
    """What was said of a file's picture and sound, and the explanations that were asked for."""

    parts: tuple[Looked, ...]
    whys: tuple[Why, ...] = ()


def check(wish: Wish) -> None:
    """Raise `ConfigError` for a device or a detector that is not there.

    And what troubles a detector that was named. No model is read.
    """
    if wish.device not in devices():
        raise ConfigError(
            f"no device named {wish.device!r}", f"this onnxruntime has {', '.join(devices())}"
        )
    for name in wish.names:
        entry(name).open(wish.device)


@dataclass(frozen=True)
class Detective:
    """Asks detectors that are loaded once."""

    eyes: Eyes
    explains: bool

    def __call__(self, task: tuple[Path, str]) -> Detected:
        """Look at the file at a path, called by its second.

        Raises `UnreadableError` for a file of which no part can be read, `MissingBackendError`
        where that needs a part that is not installed, and `ConfigError` for a changed model.
        """
        path, name = task
        try:
            asset = open_asset(path, name)
            parts = tuple(self.eyes.look(asset))
            trouble = _trouble(parts, asset)
            if trouble:
                raise trouble
            if not self.explains:
                return Detected(parts)
            seats = (seat for kind in Kind for seat in self.eyes.panel(kind).seats)
            detectors = {seat.member.name: seat.detector for seat in seats}
            return Detected(parts, tuple(explain(asset, parts, detectors)))
        except OSError as error:
            raise UnreadableError(
                f"{name} cannot be read: {error.strerror or error}", "check its permissions"
            ) from error


def open_detective(wish: Wish) -> Detective:
    """Make the work function of a process; no model is read yet."""
    cv2.setNumThreads(1)  # a worker is given one core
    limits = Limits(
        AT_EASE.picture_pixels, AT_EASE.frame_pixels, AT_EASE.frames, seconds=wish.seconds
    )
    return Detective(Eyes(wish.rate, limits, wish.device, wish.names), wish.explains)


def _trouble(parts: Sequence[Looked], asset: Asset) -> TrustkitError | None:
    troubles = [part.trouble for part in parts]
    first = troubles[0] if troubles else None
    if first is None or not all(troubles):  # what can be said of a part is said
        return None
    if asset.kind == "image" and asset.media_type not in TYPES:
        return None  # no fault of the file: nobody looks at drawings
    message = first.message if asset.name in first.message else f"{asset.name}: {first.message}"
    return type(first)(message, first.hint)
