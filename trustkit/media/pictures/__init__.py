"""Pictures whose pixels change: in, changed by a small plane, and out with all else kept.

One file a format. Each takes the file apart as bytes, has only the pixels encoded anew, and puts
all other parts back as they were, except manifests, which no longer hold.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from trustkit.errors import MissingBackendError, PublishError, TrustkitError, UnreadableError
from trustkit.media.pictures.canvas import View
from trustkit.media.pictures.opened import Codec, Facts, Source
from trustkit.media.pictures.spread import Change, Layer, Plane, Spread

__all__ = ["TYPES", "Change", "Facts", "Layer", "Picture", "Plane", "View", "open_picture"]

# One line a format: the module, which is imported when a file of its kind comes.
TYPES = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/heif": "heic",
    "image/jp2": "jp2",
    "image/jxl": "jxl",
}

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, one's share of it, a file's limit

_Read = TypeVar("_Read")


class Picture:
    """An open picture. Its stream must stay open, and must not change, while it is used."""

    def __init__(self, codec: Codec, name: str) -> None:
        self._codec = codec
        self.facts: Facts = codec.facts
        self.name = name

    def view(self, max_side: int, frame: int = 0) -> View:
        """Return a frame's luma and cover, averaged by area; keeps the decoded pixels for `save`.

        Luma is Rec. 601 on the stored values; of CMYK only approximately that of the print.
        """
        return _guard(self.name, lambda: self._codec.view(frame, max_side, quick=False))

    def glance(self, max_side: int, frame: int = 0) -> View:
        """Return the same for somebody who only looks: faster, and keeps nothing."""
        return _guard(self.name, lambda: self._codec.view(frame, max_side, quick=True))

    def save(
        self,
        target: Path,
        planes: Sequence[Plane],
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> Change:
        """Write the picture to `target` with `planes` added; it is spent by that.

        One plane for each of `facts.sizes`: an animation's is added to every frame. It covers the
        whole picture, whatever its own size, in 8-bit units of light; `weights` are for red, green
        and blue. `target` is written as it is: naming a temporary file, and putting it in place,
        is up to the caller. Raises `PublishError`.
        """
        return self.overlay(
            target,
            [
                Spread(np.asarray(plane, np.float32), size, weights)
                for plane, size in zip(planes, self.facts.sizes, strict=True)
            ],
        )

    def overlay(self, target: Path, layers: Sequence[Layer]) -> Change:
        """Write the picture to `target` with one layer over each of `facts.sizes`; see `save`."""

        def scratch() -> BinaryIO:
            # Beside the target: the usual place for temporary files may be in memory.
            return tempfile.TemporaryFile(dir=target.parent)

        codec = self._codec
        del self._codec  # what reads the file back next must not find the pixels still held
        try:
            with target.open("w+b") as stream:
                change = codec.write(stream, layers, scratch)
                stream.flush()
                os.fsync(stream.fileno())
        except TrustkitError:
            raise
        except OSError as error:
            if error.errno is None:  # Pillow's own: an encoder gave up
                raise _not_written(self.name, error) from error
            full = error.errno in _FULL
            raise PublishError(
                f"{target.parent} cannot be written: {error.strerror}",
                "free some space" if full else "check its permissions",
            ) from error
        except MemoryError:
            raise
        except Exception as error:  # encoders raise what they like
            raise _not_written(self.name, error) from error
        return change


def open_picture(stream: BinaryIO, media_type: str, name: str) -> Picture:
    """Return the picture in `stream`, of which only headers are read yet.

    Raises `UnreadableError` for what is damaged, too large or of no kind that can be written
    again, and `MissingBackendError` where a part is not installed.
    """
    if media_type not in TYPES:
        raise UnreadableError(
            f"{name} is {media_type}, whose pixels trustkit cannot change", "see docs/formats.md"
        )
    try:
        codec = import_module(f"trustkit.media.pictures.{TYPES[media_type]}")
    except ImportError as error:
        raise MissingBackendError(
            f"{name} is {media_type}, which needs {error.name}",
            f"pip install {(error.name or '').replace('_', '-')}",
        ) from error
    source = Source(stream, media_type, name)
    return Picture(_guard(name, lambda: codec.open_codec(source)), name)


def _guard(name: str, read: Callable[[], _Read]) -> _Read:
    try:
        return read()
    except (TrustkitError, MemoryError):
        raise
    except Exception as error:  # decoders raise what they like on hostile bytes
        raise UnreadableError(
            f"{name} cannot be decoded: {type(error).__name__}", "ask for the file again"
        ) from error


def _not_written(name: str, error: Exception) -> PublishError:
    return PublishError(
        f"{name} could not be written anew: {type(error).__name__}", "nothing was written"
    )
