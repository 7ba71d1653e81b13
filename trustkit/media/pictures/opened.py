"""What every format's reader is given, and how it opens a picture without being surprised."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from PIL import Image

from trustkit.errors import UnreadableError
from trustkit.media.pictures.canvas import View
from trustkit.media.pictures.spread import Change, Layer
from trustkit.media.pixels import MAX_PIXELS

MAX_FRAMES = 5000  # at 25 a second more than three minutes: what is longer should be a video
_MAX_MOVING = 4_000_000_000  # pixels of all frames: minutes of work

Scratch = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of one picture, open for reading while it is worked on."""

    stream: BinaryIO
    media_type: str
    name: str

    def refuse(self, why: str, hint: str) -> UnreadableError:
        """Return the error that says `why` this picture is not taken."""
        return UnreadableError(f"{self.name} {why}", hint)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is: `layout` are its channels' names, `notes` what a rewrite cannot keep.

    `pages` are the sizes of a document's pages, each a picture of its own; the frames of an
    animation are one picture together.
    """

    size: tuple[int, int]
    frames: int
    bits: int
    layout: str
    has_manifest: bool
    has_remote_manifest: bool
    notes: tuple[str, ...] = ()
    pages: tuple[tuple[int, int], ...] = ()

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """The sizes of all pictures in the file that are marked apart from each other."""
        return self.pages or (self.size,)


class Codec(Protocol):
    """One format's way in and out."""

    facts: Facts

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma of a frame as it is shown.

        `quick` may decode the file at a fraction of its size, and keeps nothing.
        """

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the whole file anew, with one spread for each of `facts.sizes`."""


def open_image(source: Source, *formats: str) -> Image.Image:
    """Return Pillow's picture, of which only the header is read.

    Only the decoder that the bytes ask for is tried; raises `UnreadableError` on what is too large.
    """
    source.stream.seek(0)
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata, not about the size
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(source.stream, formats=formats)
            check_frames(source, image.size, getattr(image, "n_frames", 1))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(source) from error
    return image


class Frames:
    """An animation's frames as they are shown; cheap in order, since each builds on the last."""

    def __init__(self, source: Source, *formats: str) -> None:
        self._source, self._formats = source, formats
        self._image: Image.Image | None = None

    def __getitem__(self, number: int) -> Image.Image:
        """Return a frame, which is valid until the next is asked for."""
        if self._image is None or self._image.tell() > number:
            self._image = open_image(self._source, *self._formats)
        self._image.seek(number)
        return load(self._image)


def check_frames(source: Source, size: tuple[int, int], frames: int) -> None:
    """Raise `UnreadableError` when there is more to decode than we take on."""
    if size[0] * size[1] > MAX_PIXELS:
        raise too_large(source)
    if frames > MAX_FRAMES or size[0] * size[1] * frames > _MAX_MOVING:
        raise source.refuse(
            f"has {frames:,} frames of {size[0]} x {size[1]}, too many for a picture",
            "make it a video",
        )


def too_large(source: Source) -> UnreadableError:
    """Return the refusal of a picture that would not fit into memory."""
    return source.refuse(
        f"declares more than {MAX_PIXELS:,} pixels", "no larger picture is taken on"
    )


def load(image: Image.Image) -> Image.Image:
    """Decode now, without Pillow's remarks on odd metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.load()
    return image
